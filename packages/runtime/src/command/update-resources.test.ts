import { expect, test } from 'bun:test';
import { parseFlags } from '@gantry/base';
import { limitFlags, mergeResources, parseLimitFlags, parseResources, resourcesToWrite } from './update-resources.ts';

/** What flags ask for, sections that they leave empty left out. */
const read = (...words: string[]) =>
  Object.fromEntries(
    Object.entries(parseLimitFlags(parseFlags(words, limitFlags))).filter(
      ([, limits]) => Object.keys(limits).length > 0,
    ),
  );

test('each flag is its own limit, sizes have units, -1 lifts one and 0 says nothing', () => {
  expect(read()).toEqual({});
  expect(read('--memory', '64m', '--memory-swap', '-1', '--memory-reservation=1000')).toEqual({
    memory: { limit: 67_108_864, swap: -1, reservation: 1000 },
  });
  expect(
    read('--cpu-quota', '-1', '--cpu-share=0', '--cpu-burst=0', '--cpuset-cpus', '0-1', '--cpu-idle', '1'),
  ).toEqual({
    cpu: { quota: -1, burst: 0, cpus: '0-1', idle: 1 },
  });
  expect(read('--cpu-rt-period=7', '--cpu-rt-runtime=8', '--cpu-period=9', '--cpuset-mems=0')).toEqual({
    cpu: { realtimePeriod: 7, realtimeRuntime: 8, period: 9, mems: '0' },
  });
  expect(read('--pids-limit', '-1', '--blkio-weight', '500')).toEqual({
    pids: { limit: -1 },
    blockIO: { weight: 500 },
  });
  expect(read('--pids-limit=0', '--memory=0')).toEqual({});
  expect(() => read('--memory', 'foo')).toThrow("invalid value for memory: invalid size: 'foo'");
  expect(() => read('--cpu-quota', 'foo')).toThrow('strconv.ParseInt: parsing "foo": invalid syntax');
});

test('a document of resources is an object of objects', () => {
  expect(parseResources('{"pids":{"limit":33}}')).toEqual({ pids: { limit: 33 } });
  expect(() => parseResources('[]')).toThrow('the document is no object');
  expect(() => parseResources('{"cpu":3}')).toThrow('"cpu" is no object');
  expect(() => parseResources('{')).toThrow('cannot read resources: ');
});

test('what was not asked stays, and a value is written with the one that it goes with', () => {
  const current = { cpu: { period: 50_000, shares: 7 }, memory: { limit: 10, swap: 20, swappiness: 3 }, devices: [] };
  const asked = { cpu: { quota: 1000 }, memory: { limit: 15 }, devices: [{ allow: true }] };
  const merged = mergeResources(current, asked);
  expect(merged).toMatchObject({
    cpu: { period: 50_000, shares: 7, quota: 1000 },
    memory: { limit: 15, swap: 20, swappiness: 3 },
    devices: [],
  });
  expect(resourcesToWrite(merged, asked)).toMatchObject({
    cpu: { period: 50_000, quota: 1000 },
    memory: { limit: 15, swap: 20 },
  });
  expect(resourcesToWrite(merged, { cpu: { shares: 8 } })).toEqual({ cpu: { shares: 8 }, memory: {} });
});
