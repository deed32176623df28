import { CliError } from './cli-error.ts';
import type { Session } from './session.ts';

/** How many requests a command keeps under way when it is given many names. */
const atOnce = 50;

/**
 * Does the same to every name, side by side, and prints what came of each in the order they were given.
 *
 * @param act returns the line to print, or nothing
 * @throws CliError with every failure, one a line, once all have been tried
 */
export async function forEachName(
  session: Session,
  names: readonly string[],
  act: (name: string) => Promise<string | undefined>,
): Promise<void> {
  const failures: string[] = [];
  for (let start = 0; start < names.length; start += atOnce) {
    const batch = names.slice(start, start + atOnce).map((name) => attempt(name, act));
    for (const work of batch) {
      const outcome = await work;
      if (outcome.failure !== undefined) failures.push(outcome.failure);
      else if (outcome.line !== undefined) session.out.line(outcome.line);
    }
  }
  if (failures.length > 0) throw new CliError(failures.join('\n'));
}

type Outcome = { readonly line?: string | undefined; readonly failure?: string };

async function attempt(name: string, act: (name: string) => Promise<string | undefined>): Promise<Outcome> {
  try {
    return { line: await act(name) };
  } catch (error) {
    if (error instanceof CliError) return { failure: error.message };
    throw error;
  }
}
