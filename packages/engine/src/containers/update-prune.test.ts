import { expect, test } from 'bun:test';
import { parseUntil } from './parse-until.ts';
import { emptyHostConfig } from './record-fixture.ts';
import type { HostConfig, RestartPolicy } from './types.ts';
import { mergeUpdate } from './update-config.ts';

const merge = (old: Partial<HostConfig>, asked: Partial<HostConfig>, restartPolicy?: RestartPolicy): HostConfig =>
  mergeUpdate(
    { hostConfig: { ...emptyHostConfig, ...old }, status: { kind: 'created' } },
    { ...emptyHostConfig, ...asked },
    restartPolicy,
  );

test('an update changes what it names and keeps the rest', () => {
  const old = { memoryBytes: 100, memorySwapBytes: 300, cpuShares: 5, pidsLimit: 7 };
  expect(merge(old, { memoryBytes: 200, cpusetCpus: '1' })).toEqual({
    ...emptyHostConfig,
    ...old,
    memoryBytes: 200,
    cpusetCpus: '1',
  });
  const always: RestartPolicy = { name: 'always', maximumRetryCount: 0 };
  expect(merge({}, {}, always).restartPolicy).toEqual(always);
});

test.each<[Partial<HostConfig>, Partial<HostConfig>, string]>([
  [{ cpuQuota: 5000 }, { nanoCpus: 1e9 }, 'Nano CPUs cannot be updated as CPU Quota has already been set'],
  [{ nanoCpus: 1e9 }, { cpuPeriod: 5000 }, 'CPU Period cannot be updated as NanoCPUs has already been set'],
  [
    { memoryBytes: 10, memorySwapBytes: 20 },
    { memoryBytes: 30 },
    'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
  ],
])('%j cannot become %j', (old, asked, text) => {
  expect(() => merge(old, asked)).toThrow(text);
});

test('a container that removes itself gets no restart policy', () => {
  expect(() => merge({ autoRemove: true }, {}, { name: 'always', maximumRetryCount: 0 })).toThrow(
    'Restart policy cannot be updated because AutoRemove is enabled for the container',
  );
});

const now = new Date('2026-11-20T12:00:00Z');
test.each([
  ['24h', '2026-11-19T12:00:00.000Z'],
  ['1h30m', '2026-11-20T10:30:00.000Z'],
  ['1700000000', '2023-11-14T22:13:20.000Z'],
  ['1700000000.5', '2023-11-14T22:13:20.500Z'],
  ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z'],
  ['2026-01-31T12:00:00.25+02:00', '2026-01-31T10:00:00.250Z'],
  ['2026-01-31T12Z', '2026-01-31T12:00:00.000Z'],
])('the moment %s is %s', (text, iso) => {
  expect(parseUntil(text, now).toISOString()).toBe(iso);
});

test.each([['tomorrow'], [''], ['5'.repeat(400)], ['1x']])('%j is no moment', (text) => {
  expect(() => parseUntil(text, now)).toThrow();
});
