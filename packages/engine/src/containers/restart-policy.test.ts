import { expect, test } from 'bun:test';
import { restartDelay, startsAtBoot } from './restart-policy.ts';

const failed = { exitCode: 1, restartCount: 0, stoppedByUser: false, ranMs: 5 };

test('only a policy that asks for it restarts, and never what a user stopped', () => {
  expect(restartDelay({ name: 'no', maximumRetryCount: 0 }, failed)).toBeUndefined();
  expect(restartDelay({ name: '', maximumRetryCount: 0 }, failed)).toBeUndefined();
  expect(restartDelay({ name: 'always', maximumRetryCount: 0 }, { ...failed, exitCode: 0 })).toBe(100);
  expect(restartDelay({ name: 'always', maximumRetryCount: 0 }, { ...failed, stoppedByUser: true })).toBeUndefined();
  expect(restartDelay({ name: 'on-failure', maximumRetryCount: 0 }, { ...failed, exitCode: 0 })).toBeUndefined();
});

test('on-failure gives up after its maximum of tries', () => {
  const policy = { name: 'on-failure', maximumRetryCount: 2 } as const;
  expect(restartDelay(policy, { ...failed, restartCount: 1 })).toBe(200);
  expect(restartDelay(policy, { ...failed, restartCount: 2 })).toBeUndefined();
});

test('the delay doubles up to a minute and begins anew after a healthy run', () => {
  const policy = { name: 'always', maximumRetryCount: 0 } as const;
  const delays = [0, 1, 2, 9, 10, 500].map((restartCount) => restartDelay(policy, { ...failed, restartCount }));
  expect(delays).toEqual([100, 200, 400, 51_200, 60_000, 60_000]);
  expect(restartDelay(policy, { ...failed, restartCount: 9, ranMs: 10_000 })).toBe(100);
});

test('at boot, always starts even what a user stopped and unless-stopped does not', () => {
  expect(
    startsAtBoot({ name: 'always', maximumRetryCount: 0 }, { exitCode: 0, restartCount: 0, stoppedByUser: true }),
  ).toBe(true);
  expect(
    startsAtBoot(
      { name: 'unless-stopped', maximumRetryCount: 0 },
      { exitCode: 0, restartCount: 0, stoppedByUser: true },
    ),
  ).toBe(false);
  expect(
    startsAtBoot(
      { name: 'unless-stopped', maximumRetryCount: 0 },
      { exitCode: 0, restartCount: 0, stoppedByUser: false },
    ),
  ).toBe(true);
  expect(
    startsAtBoot({ name: 'on-failure', maximumRetryCount: 3 }, { exitCode: 0, restartCount: 0, stoppedByUser: false }),
  ).toBe(false);
  expect(
    startsAtBoot({ name: 'no', maximumRetryCount: 0 }, { exitCode: 1, restartCount: 0, stoppedByUser: false }),
  ).toBe(false);
  const tries = { exitCode: 1, stoppedByUser: false };
  expect(startsAtBoot({ name: 'on-failure', maximumRetryCount: 3 }, { ...tries, restartCount: 2 })).toBe(true);
  expect(startsAtBoot({ name: 'on-failure', maximumRetryCount: 3 }, { ...tries, restartCount: 3 })).toBe(false);
});
