import { routes } from '@gantry/api';
import type { Session } from '../../session.ts';

/** A container's end, as the client passes it on. */
export type ExitWait = { readonly exitCode: Promise<number> };

/**
 * Starts to wait for a container's end. The wait is in force once the outer promise settles, so that a container that is
 * started after it cannot end unseen.
 */
export async function waitForExit(
  session: Session,
  id: string,
  condition: 'next-exit' | 'removed' | 'not-running',
): Promise<ExitWait> {
  const results = await session.engine.lines(routes.containerWait, { path: { id }, query: { condition } });
  return { exitCode: firstResult(session, results) };
}

async function firstResult(
  session: Session,
  results: AsyncGenerator<{ StatusCode: number; Error?: { Message: string } }>,
): Promise<number> {
  for await (const result of results) {
    if (result.Error === undefined || result.Error === null) return result.StatusCode;
    session.err.line(`Error waiting for container: ${result.Error.Message}`);
    return 125;
  }
  session.err.line('error waiting for container: unexpected EOF');
  return 125;
}
