import { EngineError, FlagError, flagBool, flagText, type ParsedFlags, parseFlags } from '@gantry/base';
import { runtimeSpecVersion } from '@gantry/oci';
import { runtimeCommands } from './command-line.ts';
import type { CommandCall, CommandRow, RuntimeFlag } from './command-row.ts';
import { openContainerStore } from './container-store.ts';
import { commandHelp, runtimeHelp } from './help.ts';
import { type CommandLog, openCommandLog } from './log.ts';

const defaultRoot = '/run/gantry-runtime';

const brokenPipe = 13;

const helpFlag: RuntimeFlag = { name: 'help', short: 'h', kind: 'bool', about: 'print this' };

const globalFlags: readonly RuntimeFlag[] = [
  { name: 'root', kind: 'string', about: `directory in which containers are kept; ${defaultRoot} when not given` },
  { name: 'log', kind: 'string', about: 'file to write errors to as well' },
  { name: 'log-format', kind: 'string', about: 'text or json' },
  { name: 'debug', kind: 'bool', about: 'log what is done, not only what fails' },
  { name: 'systemd-cgroup', kind: 'bool', about: 'refused: cgroups are made without systemd' },
  { name: 'rootless', kind: 'string', about: 'false or auto; true is refused' },
  helpFlag,
  { name: 'version', short: 'v', kind: 'bool', about: 'print the version' },
];

export type Self = { readonly version: string; readonly program: readonly string[] };

/**
 * `gantry runtime …`: an OCI runtime in runc's grammar, one process for each call.
 *
 * @param argv the words after `runtime`
 * @param self this program: its version, and the words that start `gantry runtime` once more
 * @returns the exit code: the container's own for `run` and `exec`, that of the command's row when the command failed
 */
export async function runRuntimeCommand(argv: readonly string[], self: Self): Promise<number> {
  // Until the flags are read there is no other place to say that they are wrong.
  let log = openCommandLog({ path: undefined, format: 'text', debug: false, now: () => new Date() });
  let failureCode = 1;
  try {
    const global = parseFlags(argv, globalFlags, { interspersed: false });
    log = openLog(global);
    const [name, ...words] = global.rest;
    if (flagBool(global, 'version'))
      return print(`gantry runtime version ${self.version}\nspec: ${runtimeSpecVersion}\n`);
    if (name === undefined || flagBool(global, 'help')) return print(runtimeHelp(runtimeCommands, globalFlags));
    if (name === 'help' || name === 'h') return print(helpOf(words[0]));
    refuseUnbuilt(global);
    const command = commandNamed(name);
    failureCode = command.failureCode ?? 1;
    log.debug(`${name} begins, gantry ${self.version}`);
    return await runCommand(command, {
      words,
      root: flagText(global, 'root') ?? defaultRoot,
      program: self.program,
      log,
    });
  } catch (error) {
    if (!(error instanceof EngineError) && !(error instanceof FlagError)) throw error;
    log.error(error.message, error instanceof EngineError ? error.hint : undefined);
    return failureCode;
  }
}

type Run = Pick<CommandCall, 'words' | 'program'> & { readonly root: string; readonly log: CommandLog };

async function runCommand(command: CommandRow, { words, root, program, log }: Run): Promise<number> {
  const flags = parseFlags(words, [...command.flags, helpFlag], { interspersed: command.passesFlagsOn !== true });
  if (flagBool(flags, 'help')) return print(commandHelp(command));
  const [least, most = Number.POSITIVE_INFINITY] = command.words;
  if (flags.rest.length < least || flags.rest.length > most) {
    throw new FlagError(`usage: gantry runtime ${command.usage}`);
  }
  const store = openContainerStore(root);
  return command.run({ store, flags, words: flags.rest, program, print, warn: log.warn });
}

/** @throws invalid for a format that is none or a file that cannot be written */
function openLog(flags: ParsedFlags): CommandLog {
  const format = flagText(flags, 'log-format') ?? 'text';
  if (format !== 'text' && format !== 'json') throw new EngineError('invalid', `invalid log-format: ${format}`);
  // runc's default, which its callers may spell out.
  const path = flagText(flags, 'log') ?? '';
  const isFile = path !== '' && path !== '/dev/stderr';
  return openCommandLog({
    path: isFile ? path : undefined,
    format,
    debug: flagBool(flags, 'debug'),
    now: () => new Date(),
  });
}

/** @throws unsupported, invalid */
function refuseUnbuilt(flags: ParsedFlags): void {
  if (flagBool(flags, 'systemd-cgroup')) {
    throw new EngineError('unsupported', 'cannot use --systemd-cgroup: the systemd cgroup driver is not built', {
      hint: "leave it out, and have the caller use the cgroupfs driver ('podman --cgroup-manager cgroupfs')",
    });
  }
  const rootless = flagText(flags, 'rootless') ?? 'auto';
  if (rootless === 'true')
    throw new EngineError('unsupported', 'cannot use --rootless true: only root runs containers');
  if (rootless !== 'auto' && rootless !== 'false') {
    throw new EngineError('invalid', `cannot use --rootless "${rootless}": only true, false and auto are known`);
  }
}

function commandNamed(name: string): CommandRow {
  const command = Object.hasOwn(runtimeCommands, name) ? runtimeCommands[name] : undefined;
  if (command === undefined) throw new FlagError(`unknown command "${name}" for "gantry runtime"`);
  return command;
}

const helpOf = (name: string | undefined): string =>
  name === undefined ? runtimeHelp(runtimeCommands, globalFlags) : commandHelp(commandNamed(name));

/** Prints to stdout; when whoever reads it has gone, the program ends as SIGPIPE would have it. */
function print(text: string): 0 {
  const { stdout } = process;
  if (stdout.listenerCount('error') === 0) stdout.on('error', () => process.exit(128 + brokenPipe));
  stdout.write(text);
  return 0;
}
