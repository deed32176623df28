import { EngineError, FlagError, flagBool, type ParsedFlags, parseFlags } from '@gantry/base';
import { collectOnce } from './gc.ts';
import { type CommandRow, formatHelp, gcCommand, serveCommand } from './options.ts';
import { serve } from './serve.ts';

type Command = { readonly row: CommandRow; readonly run: (flags: ParsedFlags) => Promise<void> };

const commands: Readonly<Record<string, Command>> = {
  gc: { row: gcCommand, run: collectOnce },
  serve: { row: serveCommand, run: serve },
};

/**
 * `gantry registry …`: a registry, and what its administrator does with it.
 *
 * @param argv the words after `registry`
 * @returns the exit code: 125 for a command line that cannot be understood, 1 for one that cannot be done
 */
export async function runRegistryCommand(argv: readonly string[]): Promise<number> {
  try {
    const [name = 'help', ...words] = argv;
    if (['help', '--help', '-h'].includes(name)) {
      process.stdout.write(overview());
      return 0;
    }
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new FlagError(`unknown command "${name}"`);
    const flags = parseFlags(words, command.row.options);
    if (flagBool(flags, 'help')) process.stdout.write(formatHelp(command.row));
    else await command.run(flags);
    return 0;
  } catch (error) {
    if (!(error instanceof EngineError) && !(error instanceof FlagError)) throw error;
    const hint = error instanceof EngineError && error.hint !== undefined ? `\n${error.hint}` : '';
    process.stderr.write(`gantry registry: ${error.message}${hint}\n`);
    return error instanceof FlagError ? 125 : 1;
  }
}

function overview(): string {
  const rows = Object.entries(commands).map(([name, { row }]) => `  ${name.padEnd(8)}${row.about}`);
  return `Usage:  gantry registry COMMAND\n\nServe images to container engines.\n\nCommands:\n${rows.join('\n')}\n`;
}
