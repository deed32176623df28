import { FlagError, flagBool, flagList, invalidFlagValue, type ParsedFlags, parseFlags } from '@gantry/base';
import { CliError } from './cli-error.ts';
import { boolFlag, type Command, type Flag, type Invocation } from './command.ts';
import { type Found, findCommand } from './command-table.ts';
import { chooseEngine, type EngineChoice } from './engine-address.ts';
import { EngineClient } from './engine-client.ts';
import { commandHelp, groupHelp, rootHelp } from './help.ts';
import { Connection } from './http/connection.ts';
import { Output } from './output.ts';
import type { Session } from './session.ts';
import { commandTable } from './table.ts';
import { isTerminal } from './terminal.ts';

export type CliOptions = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** The command that serves an engine, for when none was named and none listens. */
  readonly engineCommand: readonly string[];
};

const program = 'gantry';

/** Exit code of a command line that could not be understood, as Docker's. */
const usageExitCode = 125;
/** What a shell reports for a program that wrote to a closed pipe. */
const brokenPipeExitCode = 141;

/**
 * Runs one command line and returns its exit code.
 *
 * @param words the command line without the program
 */
export async function runCli(words: readonly string[], options: CliOptions): Promise<number> {
  const out = new Output(1);
  const err = new Output(2);
  let exitCode: number;
  try {
    exitCode = await dispatch(words, { ...options, out, err });
  } catch (error) {
    if (isBrokenPipe(error)) return brokenPipeExitCode;
    exitCode = report(error, err);
  }
  try {
    await out.flush();
    await err.flush();
  } catch (error) {
    if (!isBrokenPipe(error)) throw error;
    return brokenPipeExitCode;
  }
  return exitCode;
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE' && 'syscall' in error;
}

function report(error: unknown, err: Output): number {
  if (error instanceof CliError) {
    if (error.message !== '') err.line(error.message);
    if (error.hint !== undefined) err.line(error.hint);
    if (error.advice !== undefined && isTerminal(err.fd)) err.line(error.advice);
    return error.exitCode;
  }
  err.line(error instanceof Error ? error.message : String(error));
  return 1;
}

type World = CliOptions & { readonly out: Output; readonly err: Output };

async function dispatch(words: readonly string[], world: World): Promise<number> {
  const globals = parseGlobals(words);
  if (flagBool(globals, 'version')) {
    world.out.line(`Gantry version ${world.version}`);
    return 0;
  }
  const wantsHelp = flagBool(globals, 'help') || globals.rest[0] === 'help';
  const named = globals.rest[0] === 'help' ? globals.rest.slice(1) : globals.rest;
  if (named.length === 0) {
    world.out.write(rootHelp(program, commandTable));
    return 0;
  }
  const found = findCommand(commandTable, named);
  if (globals.rest[0] === 'help' && found.kind === 'unknown') {
    throw new CliError(`unknown help topic: ${named.join(' ')}`);
  }
  if (found.kind !== 'command') return showGroup(found, { world, wantsHelp, words: named });
  return runCommand(found, { world, globals, wantsHelp });
}

const rootUsage = `\n\nUsage:  ${program} [OPTIONS] COMMAND [ARG...]\n\nRun '${program} --help' for more information`;

function parseGlobals(words: readonly string[]): ParsedFlags {
  try {
    const flags = [...commandTable.globalFlags, boolFlag('help', '', { short: 'h' })];
    return parseFlags(words, flags, { interspersed: false });
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    throw new CliError(`${error.message}${rootUsage}`, { exitCode: usageExitCode });
  }
}

type GroupCall = { readonly world: World; readonly wantsHelp: boolean; readonly words: readonly string[] };

function showGroup(found: Exclude<Found, { kind: 'command' }>, { world, wantsHelp, words }: GroupCall): number {
  const asksHelp = wantsHelp || words.some((word) => word === '--help' || word === '-h');
  if (found.kind === 'unknown') {
    if (asksHelp) {
      world.out.write(rootHelp(program, commandTable));
      return 0;
    }
    throw new CliError(
      `${program}: unknown command: ${program} ${found.word}\n\nRun '${program} --help' for more information`,
    );
  }
  const { group, rest } = found;
  if (asksHelp || rest.length === 0) {
    world.out.write(groupHelp(program, group, commandTable));
    return 0;
  }
  const page = `Run '${program} ${group.name} --help' for more information`;
  if (rest[0]?.startsWith('-')) {
    throw new CliError(`unknown flag: ${rest[0]}\n\nUsage:  ${program} ${group.name}\n\n${page}`, {
      exitCode: usageExitCode,
    });
  }
  const unknown = `${program}: unknown command: ${program} ${group.name} ${rest[0]}`;
  throw new CliError(`${unknown}\n\nUsage:  ${program} ${group.name}\n\n${page}`);
}

type CommandCall = { readonly world: World; readonly globals: ParsedFlags; readonly wantsHelp: boolean };

async function runCommand(found: Extract<Found, { kind: 'command' }>, call: CommandCall): Promise<number> {
  const { row, name, rest } = found;
  const command = await row.load();
  const { world, globals } = call;
  const calledAs = `${program} ${name}`;
  const flags = command.isRaw
    ? { values: new Map(), rest, dashAt: undefined }
    : parseCommandFlags(command, { calledAs, words: rest });
  if (call.wantsHelp || flagBool(flags, 'help')) {
    world.out.write(commandHelp({ row, command }, calledAs));
    return 0;
  }
  for (const flag of command.flags) warnDeprecated(flag, flags, world.err);
  checkArity(command, { calledAs, count: flags.rest.length });
  const choice = chooseEngine(flagList(globals, 'host'), world.environment);
  using engine = new EngineClient(connector(choice, world.engineCommand));
  const session: Session = {
    program,
    table: commandTable,
    version: world.version,
    environment: world.environment,
    out: world.out,
    err: world.err,
    choice,
    engine,
    isDebug: flagBool(globals, 'debug'),
  };
  const invocation: Invocation = { session, flags, words: flags.rest, calledAs };
  return (await command.run(invocation)) ?? 0;
}

function warnDeprecated(flag: Flag, flags: ParsedFlags, err: Output): void {
  if (flag.deprecated !== undefined && flags.values.has(flag.name)) {
    err.line(`Flag --${flag.name} has been deprecated, ${flag.deprecated}`);
  }
}

type FlagCall = { readonly calledAs: string; readonly words: readonly string[] };

function parseCommandFlags(command: Command, { calledAs, words }: FlagCall): ParsedFlags {
  // `run` and `create` give -h to the host name; everywhere else it is a silent spelling of --help.
  const takesH = command.flags.some((flag) => flag.short === 'h');
  const help = boolFlag('help', 'Print usage', takesH ? {} : { short: 'h' });
  const flags = command.flags.some((flag) => flag.name === 'help') ? command.flags : [...command.flags, help];
  try {
    const parsed = parseFlags(words, flags, { interspersed: command.interspersed ?? true });
    for (const flag of flags) for (const value of parsed.values.get(flag.name) ?? []) checkValue(flag, value);
    return parsed;
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    const usage = `Usage:  ${calledAs} ${command.usage}`.trimEnd();
    throw new CliError(`${error.message}\n\n${usage}\n\nRun '${calledAs} --help' for more information`, {
      exitCode: usageExitCode,
    });
  }
}

function checkValue(flag: Flag, value: string): void {
  try {
    flag.check?.(value);
  } catch (error) {
    throw invalidFlagValue(flag, value, error instanceof Error ? error.message : String(error));
  }
}

function checkArity(command: Command, { calledAs, count }: { calledAs: string; count: number }): void {
  const { min, max } = command.arity;
  if (count >= min && count <= max) return;
  const words = (number: number): string => `${number} argument${number === 1 ? '' : 's'}`;
  const usage = `Usage:  ${calledAs} ${command.usage}`.trimEnd();
  // Docker says "See" where a number is a lower bound and "Run" everywhere else.
  if (max === Number.POSITIVE_INFINITY) {
    const why = `'${calledAs}' requires at least ${words(min)}`;
    throw new CliError(`${program}: ${why}\n\n${usage}\n\nSee '${calledAs} --help' for more information`);
  }
  const why =
    max === 0
      ? `'${calledAs}' accepts no arguments`
      : min === max
        ? `'${calledAs}' requires ${words(max)}`
        : min > 0
          ? `'${calledAs}' requires at least ${min} and at most ${words(max)}`
          : `'${calledAs}' requires at most ${words(max)}`;
  throw new CliError(`${program}: ${why}\n\n${usage}\n\nRun '${calledAs} --help' for more information`);
}

/** Connects to the engine; starts one first when none was named and none listens, once however many ask. */
function connector(choice: EngineChoice, engineCommand: readonly string[]): () => Promise<Connection> {
  let started: Promise<void> | undefined;
  return async () => {
    try {
      return await Connection.connect(choice.address);
    } catch (error) {
      const { address } = choice;
      if (choice.isNamed || address.kind !== 'unix') throw unreachableEngine(choice, error);
      started ??= import('./start-engine.ts').then(({ startEngine }) =>
        startEngine({ command: engineCommand, address }),
      );
      await started;
      return Connection.connect(address);
    }
  };
}

function unreachableEngine(choice: EngineChoice, cause: unknown): CliError {
  const denied = cause instanceof Error && 'code' in cause && (cause.code === 'EACCES' || cause.code === 'EPERM');
  if (denied) {
    return new CliError(
      `permission denied while trying to connect to the Gantry daemon socket at ${choice.address.url}`,
    );
  }
  return new CliError(`Cannot connect to the Gantry daemon at ${choice.address.url}. Is the gantry daemon running?`);
}
