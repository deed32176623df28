import { EngineError, FlagError, type FlagSpec, flagText, parseFlags } from '@gantry/base';
import { type CommandRow, runtimeCommands } from './command-line.ts';
import { openContainerStore } from './container-store.ts';

const rootFlag: FlagSpec = { name: 'root', kind: 'string' };
const defaultRoot = '/run/gantry-runtime';

/**
 * `gantry runtime …`: an OCI runtime in runc's grammar, one process for each call.
 *
 * @param argv the words after `runtime`
 * @returns the exit code: the container's own for `run` and `exec`, 1 when the command itself failed
 */
export async function runRuntimeCommand(argv: readonly string[]): Promise<number> {
  try {
    const global = parseFlags(argv, [rootFlag, { name: 'help', short: 'h', kind: 'bool' }], { interspersed: false });
    const [name, ...words] = global.rest;
    if (name === undefined || name === 'help' || global.values.has('help')) {
      process.stdout.write(helpText());
      return 0;
    }
    const command = runtimeCommands[name];
    if (command === undefined) throw new FlagError(`unknown command "${name}" for "gantry runtime"`);
    const flags = parseFlags(words, command.flags, { interspersed: false });
    checkWords(command, flags.rest.length);
    const store = openContainerStore(flagText(global, 'root') ?? defaultRoot);
    const print = (text: string): void => void process.stdout.write(text);
    return await command.run({ store, flags, words: flags.rest, print });
  } catch (error) {
    if (!(error instanceof EngineError) && !(error instanceof FlagError)) throw error;
    const hint = error instanceof EngineError && error.hint !== undefined ? `\ntry: ${error.hint}` : '';
    process.stderr.write(`gantry runtime: ${error.message}${hint}\n`);
    return 1;
  }
}

function checkWords({ usage, words: [least, most = Number.POSITIVE_INFINITY] }: CommandRow, count: number): void {
  if (count < least || count > most) throw new FlagError(`usage: gantry runtime ${usage}`);
}

function helpText(): string {
  const rows = Object.values(runtimeCommands).map(({ usage, about }) => `  ${usage}\n      ${about}\n`);
  return `Usage: gantry runtime [--root DIR] COMMAND\n\nRuns OCI bundles. Containers are kept below --root, ${defaultRoot} when not given.\n\n${rows.join('')}`;
}
