import { expect, test } from 'bun:test';
import type { EngineEvent } from '../events/types.ts';
import { ranAt } from './ran-at.ts';
import { sampleRecord } from './record-fixture.ts';

const at = (seconds: number): Date => new Date(seconds * 1000);
const event = (action: string, actorId: string, seconds: number): EngineEvent => ({
  type: 'container',
  action,
  actorId,
  attributes: { name: `name-${actorId}`, image: 'busybox' },
  timeNanos: BigInt(seconds) * 1_000_000_000n,
});
const run = (id: string, startedAt: number | undefined, endedAt?: number) => ({
  ...{ id, name: `name-${id}`, image: 'busybox' },
  startedAt: startedAt === undefined ? undefined : at(startedAt),
  endedAt: endedAt === undefined ? undefined : at(endedAt),
});

test('what ran at a moment is what had started and not ended, whatever became of it', () => {
  const before = [event('start', 'a', 10), event('die', 'b', 20), event('start', 'c', 30), event('start', 'd', 40)];
  const after = [event('die', 'a', 60), event('start', 'b', 70), event('start', 'e', 80), event('die', 'f', 90)];
  expect(ranAt(50_000_000_000n, { before, after }, [])).toEqual([
    run('d', 40),
    run('c', 30),
    run('a', 10, 60),
    run('f', undefined, 90),
  ]);
});

test('an end that was booked late counts from when it was', () => {
  const before = [event('start', 'a', 10)];
  const booked = event('die', 'a', 1000);
  const after = [{ ...booked, attributes: { ...booked.attributes, execDuration: '5' } }];
  expect(ranAt(14_000_000_000n, { before, after }, [])).toEqual([run('a', 10, 16)]);
  expect(ranAt(50_000_000_000n, { before, after }, [])).toEqual([]);
});

test('a run that is older than the journal is known by its row', () => {
  const status = { kind: 'running', pid: 1, startedAt: at(10), paused: false } as const;
  const record = sampleRecord(1, { id: 'a', name: 'name-a', status });
  expect(ranAt(50_000_000_000n, { before: [], after: [] }, [record])).toEqual([run('a', 10)]);
  expect(ranAt(5_000_000_000n, { before: [], after: [] }, [record])).toEqual([]);
});
