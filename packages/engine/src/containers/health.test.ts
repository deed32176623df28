import { expect, test } from 'bun:test';
import { afterProbe, probeCommand, probeDelayMs, startingHealth } from './health.ts';
import type { Health, HealthConfig, ProbeResult } from './types.ts';

const check: HealthConfig = {
  test: ['CMD', 'true'],
  intervalNanos: 0,
  timeoutNanos: 0,
  startPeriodNanos: 0,
  startIntervalNanos: 0,
  retries: 0,
};

test.each<[readonly string[], readonly string[] | undefined, readonly string[] | undefined]>([
  [['CMD', 'curl', 'x y'], undefined, ['curl', 'x y']],
  [['CMD-SHELL', 'curl x'], undefined, ['/bin/sh', '-c', 'curl x']],
  [
    ['CMD-SHELL', 'curl x'],
    ['/bin/bash', '-ec'],
    ['/bin/bash', '-ec', 'curl x'],
  ],
  [['NONE'], undefined, undefined],
  [[], undefined, undefined],
  [['ODD', 'x'], undefined, undefined],
])('the test %j with the shell %j runs %j', (words, shell, command) => {
  expect(probeCommand({ healthcheck: { ...check, test: words }, shell })).toEqual(command);
});

const startedAt = new Date(0);

/** Health after probes, written as seconds:exit code. */
function after(config: Partial<HealthConfig>, ...probes: readonly string[]): string[] {
  let health: Health = startingHealth;
  return probes.map((probe) => {
    const [seconds = 0, exitCode = 0] = probe.split(':').map(Number);
    const at = new Date(seconds * 1000);
    const result: ProbeResult = { startedAt: at, finishedAt: at, exitCode, output: '' };
    health = afterProbe(health, result, { check: { ...check, ...config }, startedAt });
    return `${health.status} ${health.failingStreak}`;
  });
}

test('three failures in a row make it unhealthy, one success healthy again', () => {
  expect(after({}, '1:1', '2:1', '3:0', '4:1', '5:2', '6:-1', '7:1', '8:0')).toEqual([
    'starting 1',
    'starting 2',
    'healthy 0',
    'healthy 1',
    'healthy 2',
    'unhealthy 3',
    'unhealthy 4',
    'healthy 0',
  ]);
  expect(after({ retries: 1 }, '1:1')).toEqual(['unhealthy 1']);
});

test('failures in the start period count only once it was healthy', () => {
  const config = { startPeriodNanos: 10e9, retries: 2 };
  expect(after(config, '1:1', '9:1', '10:1', '11:1')).toEqual([
    'starting 0',
    'starting 0',
    'starting 1',
    'unhealthy 2',
  ]);
  expect(after(config, '1:0', '2:1', '3:1')).toEqual(['healthy 0', 'healthy 1', 'unhealthy 2']);
});

test('the last five results are kept', () => {
  let health: Health = startingHealth;
  for (let exitCode = 1; exitCode <= 7; exitCode++)
    health = afterProbe(health, { startedAt, finishedAt: startedAt, exitCode, output: '' }, { check, startedAt });
  expect(health.log.map(({ exitCode }) => exitCode)).toEqual([3, 4, 5, 6, 7]);
});

test('probes are half a minute apart, and closer while a start period lasts', () => {
  const healthy: Health = { ...startingHealth, status: 'healthy' };
  const config = { ...check, startPeriodNanos: 20e9 };
  expect(probeDelayMs(check, startingHealth, 0)).toBe(30_000);
  expect(probeDelayMs(config, startingHealth, 19_000)).toBe(5000);
  expect(probeDelayMs({ ...config, startIntervalNanos: 1e9 }, startingHealth, 0)).toBe(1000);
  expect(probeDelayMs(config, startingHealth, 20_000)).toBe(30_000);
  expect(probeDelayMs({ ...config, intervalNanos: 7e9 }, healthy, 0)).toBe(7000);
});
