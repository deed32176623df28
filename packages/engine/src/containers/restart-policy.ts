import type { RestartPolicy } from './types.ts';

/** What is known of an exit when it is asked whether the container starts again. */
export type ExitFacts = {
  readonly exitCode: number;
  readonly restartCount: number;
  readonly stoppedByUser: boolean;
  readonly ranMs: number;
};

/** Runs of at least this length count as healthy: the next back-off begins anew. */
const healthyRunMs = 10_000;
const firstDelayMs = 100;
const longestDelayMs = 60_000;

/**
 * Decides whether a container starts again after an exit, and after which delay.
 *
 * The delay doubles with each restart from 100 ms up to a minute and begins anew after a run of ten seconds.
 *
 * @returns milliseconds to wait, or undefined when it stays down
 */
export function restartDelay(policy: RestartPolicy, exit: ExitFacts): number | undefined {
  if (exit.stoppedByUser || !wantsRestart(policy, exit)) return undefined;
  if (exit.ranMs >= healthyRunMs) return firstDelayMs;
  return Math.min(firstDelayMs * 2 ** Math.min(exit.restartCount, 20), longestDelayMs);
}

function wantsRestart(policy: RestartPolicy, exit: Omit<ExitFacts, 'ranMs'>): boolean {
  switch (policy.name) {
    case '':
    case 'no':
      return false;
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure':
      return exit.exitCode !== 0 && (policy.maximumRetryCount === 0 || exit.restartCount < policy.maximumRetryCount);
  }
}

/**
 * Decides whether a daemon that comes up starts a container that is down.
 *
 * `always` does even when a user stopped it, `unless-stopped` does not; `on-failure` only after a failure and while it has tries
 * left.
 */
export function startsAtBoot(
  policy: RestartPolicy,
  { exitCode, restartCount, stoppedByUser }: Omit<ExitFacts, 'ranMs'>,
): boolean {
  switch (policy.name) {
    case '':
    case 'no':
      return false;
    case 'always':
      return true;
    case 'unless-stopped':
      return !stoppedByUser;
    case 'on-failure':
      return !stoppedByUser && wantsRestart(policy, { exitCode, restartCount, stoppedByUser });
  }
}
