import type { WaitCondition, WaitResult } from '../engine.ts';
import type { ContainerDeps } from './deps.ts';

/** Waits for a container to end or to be removed. Once the outer promise is settled no later exit is missed. */
export async function waitContainer(
  deps: Pick<ContainerDeps, 'store' | 'live'>,
  ref: string,
  options: { condition: WaitCondition; signal: AbortSignal },
): Promise<{ result: Promise<WaitResult> }> {
  const { id, status } = deps.store.resolve(ref);
  if (options.condition === 'not-running') {
    if (status.kind === 'exited')
      return { result: Promise.resolve({ exitCode: status.exitCode, error: status.error }) };
    if (status.kind === 'created')
      return { result: Promise.resolve({ exitCode: status.failure?.exitCode ?? 0, error: '' }) };
    if (status.kind === 'dead') return { result: Promise.resolve({ exitCode: 0, error: '' }) };
  }
  return { result: deps.live.wait(id, options.condition, options.signal) };
}
