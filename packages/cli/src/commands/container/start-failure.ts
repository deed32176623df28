import { EngineError } from '@gantry/base';
import { CliError } from '../../cli-error.ts';

/**
 * Gives a failed `run` the exit code that shells give a failed command: 127 when there is no such program, 126 when it
 * may not be run, 125 for everything of our own.
 */
export function startFailure(error: unknown, calledAs: string): unknown {
  if (!(error instanceof CliError || error instanceof EngineError)) return error;
  const program = calledAs.split(' ')[0];
  const message = `${program}: ${error.message}\n\nRun '${calledAs} --help' for more information`;
  return new CliError(message, { exitCode: exitCodeOf(error.message), cause: error });
}

function exitCodeOf(message: string): number {
  if (/executable file not found|no such file or directory/.test(message)) return 127;
  if (/permission denied|is a directory/.test(message)) return 126;
  return 125;
}
