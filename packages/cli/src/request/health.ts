import type { healthConfig, ValueOf } from '@gantry/api';
import { flagBool, flagInt, flagText, type ParsedFlags } from '@gantry/base';
import { parseGoDuration } from './numbers.ts';

export type HealthRequest = ValueOf<typeof healthConfig>;

/** Reads the `--health-*` flags; undefined when none says anything. @throws Error in Docker's words */
export function parseHealth(flags: ParsedFlags): HealthRequest | undefined {
  const duration = (name: string): number => parseGoDuration(flagText(flags, name) ?? '0s');
  const command = flagText(flags, 'health-cmd') ?? '';
  const request: HealthRequest = {
    test: command === '' ? [] : ['CMD-SHELL', command],
    intervalNanos: duration('health-interval'),
    timeoutNanos: duration('health-timeout'),
    startPeriodNanos: duration('health-start-period'),
    startIntervalNanos: duration('health-start-interval'),
    retries: flagInt(flags, 'health-retries') ?? 0,
  };
  const { test, ...numbers } = request;
  const isGiven = test.length > 0 || Object.values(numbers).some((value) => value !== 0);
  if (flagBool(flags, 'no-healthcheck')) {
    if (isGiven) throw new Error('--no-healthcheck conflicts with --health-* options');
    return { ...request, test: ['NONE'] };
  }
  if (!isGiven) return undefined;
  const named = [
    ['health-interval', request.intervalNanos],
    ['health-timeout', request.timeoutNanos],
    ['health-retries', request.retries],
    ['health-start-period', request.startPeriodNanos],
    ['health-start-interval', request.startIntervalNanos],
  ] as const;
  for (const [name, value] of named) if (value < 0) throw new Error(`--${name} cannot be negative`);
  return request;
}
