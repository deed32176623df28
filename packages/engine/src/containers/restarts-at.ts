import { restartDelay } from './restart-policy.ts';
import type { ContainerRecord } from './types.ts';

/** When a container that waits for its next start gets it: by the rule that booked its exit. Undefined when it does not wait. */
export function restartsAt({ status, hostConfig, restartCount, stoppedByUser }: ContainerRecord): Date | undefined {
  if (status.kind !== 'restarting') return undefined;
  const { exitCode, startedAt, finishedAt } = status;
  const delayMs = restartDelay(hostConfig.restartPolicy, {
    exitCode,
    // The exit that is waited after was counted when it was booked.
    restartCount: restartCount - 1,
    stoppedByUser,
    ranMs: finishedAt.getTime() - startedAt.getTime(),
  });
  return new Date(finishedAt.getTime() + (delayMs ?? 0));
}
