import type { ContainerConfig, Health, HealthConfig, ProbeResult } from './types.ts';

/** Of a container that has just started. */
export const startingHealth: Health = { status: 'starting', failingStreak: 0, log: [] };

/** Docker's, for what a healthcheck leaves open. */
const defaults = { intervalNanos: 30e9, timeoutNanos: 30e9, startIntervalNanos: 5e9, retries: 3 } as const;
const keptResults = 5;

/** The command of a healthcheck; undefined when there is none, or `NONE` that takes the image's away. */
export function probeCommand({
  healthcheck,
  shell,
}: Pick<ContainerConfig, 'healthcheck' | 'shell'>): readonly string[] | undefined {
  const [kind, ...words] = healthcheck?.test ?? [];
  if (words.length === 0) return undefined;
  if (kind === 'CMD') return words;
  return kind === 'CMD-SHELL' ? [...(shell ?? ['/bin/sh', '-c']), ...words] : undefined;
}

/** setTimeout takes no longer delay: it fires at once instead. */
export const longestTimerMs = 2 ** 31 - 1;

export function probeTimeoutMs({ timeoutNanos }: HealthConfig): number {
  return Math.min((timeoutNanos || defaults.timeoutNanos) / 1e6, longestTimerMs);
}

/** How long to wait for the next probe: in the start period of a container that was never healthy, less. */
export function probeDelayMs(check: HealthConfig, health: Health, sinceStartMs: number): number {
  const isStarting = health.status === 'starting' && sinceStartMs < check.startPeriodNanos / 1e6;
  const nanos = isStarting
    ? check.startIntervalNanos || defaults.startIntervalNanos
    : check.intervalNanos || defaults.intervalNanos;
  return nanos / 1e6;
}

/**
 * The health after one more probe: one that succeeds makes it healthy, so many failures in a row unhealthy. Failures in
 * the start period do not count before the first success.
 */
export function afterProbe(
  health: Health,
  result: ProbeResult,
  { check, startedAt }: { check: HealthConfig; startedAt: Date },
): Health {
  const log = [...health.log, result].slice(-keptResults);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  const sinceStartMs = result.startedAt.getTime() - startedAt.getTime();
  if (health.status === 'starting' && sinceStartMs < check.startPeriodNanos / 1e6) return { ...health, log };
  const failingStreak = health.failingStreak + 1;
  const isOver = failingStreak >= (check.retries || defaults.retries);
  return { status: isOver ? 'unhealthy' : health.status, failingStreak, log };
}
