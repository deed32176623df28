import { expect, test } from 'bun:test';
import { openDb } from '../db/index.ts';
import type { EventRoom } from '../engine.ts';
import { openEvents } from './index.ts';
import type { EngineEvent } from './types.ts';

const none = new Map<string, readonly string[]>();

function openTemporary(retention?: { rows: number; days: number }) {
  const db = openDb(':memory:');
  const time = { now: 1_000_000_000_000n };
  const events = openEvents({ db, clock: () => time.now, ...(retention === undefined ? {} : { retention }) });
  return { db, time, events, [Symbol.dispose]: () => db[Symbol.dispose]() };
}

const start = (events: EventRoom, id: string): void => events.record('container', 'start', id, { name: id });

async function take(stream: AsyncIterable<EngineEvent>, count: number): Promise<string[]> {
  const ids: string[] = [];
  if (count === 0) return ids;
  for await (const event of stream) {
    ids.push(event.actorId);
    if (ids.length === count) break;
  }
  return ids;
}
const all = (stream: AsyncIterable<EngineEvent>): Promise<string[]> => take(stream, -1);

test('a stream without bounds begins at the moment it was asked for', async () => {
  using opened = openTemporary();
  start(opened.events, 'before');
  const stream = opened.events.stream(
    { sinceNanos: undefined, untilNanos: undefined, filters: none },
    new AbortController().signal,
  );
  start(opened.events, 'first');
  const taken = take(stream, 2);
  start(opened.events, 'second');
  expect(await taken).toEqual(['first', 'second']);
});

test('history between since and until is told, both ends included, and the stream ends', async () => {
  using opened = openTemporary();
  for (let step = 0; step < 10; step++) {
    opened.time.now = BigInt(step) * 1_000_000_000n;
    start(opened.events, `c${step}`);
  }
  const signal = new AbortController().signal;
  const bounds = { sinceNanos: 2_000_000_000n, untilNanos: 4_000_000_000n, filters: none };
  expect(await all(opened.events.stream(bounds, signal))).toEqual(['c2', 'c3', 'c4']);
  expect(await all(opened.events.stream({ ...bounds, sinceNanos: undefined }, signal))).toEqual([
    'c0',
    'c1',
    'c2',
    'c3',
    'c4',
  ]);
});

test('history has no cap of 256 and keeps its order', async () => {
  using opened = openTemporary();
  const wanted = Array.from({ length: 1000 }, (_, step) => `c${step}`);
  opened.db.tx(() => {
    for (const id of wanted) start(opened.events, id);
  });
  const stream = opened.events.stream(
    { sinceNanos: 0n, untilNanos: undefined, filters: none },
    new AbortController().signal,
  );
  expect(await take(stream, 1000)).toEqual(wanted);
});

test('what is rolled back was never told', async () => {
  using opened = openTemporary();
  const stream = opened.events.stream(
    { sinceNanos: undefined, untilNanos: undefined, filters: none },
    new AbortController().signal,
  );
  const taken = take(stream, 1);
  expect(() =>
    opened.db.tx(() => {
      start(opened.events, 'lost');
      throw new Error('no');
    }),
  ).toThrow('no');
  await Promise.resolve();
  start(opened.events, 'kept');
  expect(await taken).toEqual(['kept']);
});

test('a listener that does not read stops nobody and misses nothing', async () => {
  using opened = openTemporary();
  const signal = new AbortController().signal;
  const live = { sinceNanos: undefined, untilNanos: undefined, filters: none };
  const slow = opened.events.stream(live, signal)[Symbol.asyncIterator]();
  start(opened.events, 'c0');
  await slow.next();
  const fast = take(opened.events.stream(live, signal), 600);
  for (let step = 1; step <= 600; step++) start(opened.events, `c${step}`);
  expect(await fast).toHaveLength(600);
  for (let step = 1; step <= 600; step++) expect((await slow.next()).value.actorId).toBe(`c${step}`);
});

test('an aborted stream ends, also while it waits', async () => {
  using opened = openTemporary();
  const stop = new AbortController();
  const ended = all(opened.events.stream({ sinceNanos: 0n, untilNanos: undefined, filters: none }, stop.signal));
  stop.abort();
  expect(await ended).toEqual([]);
});

test('an until in the future ends the stream when its time has come', async () => {
  using opened = openTemporary();
  opened.time.now = BigInt(Date.now()) * 1_000_000n;
  const untilNanos = opened.time.now + 20_000_000n;
  const ended = all(
    opened.events.stream({ sinceNanos: undefined, untilNanos, filters: none }, new AbortController().signal),
  );
  start(opened.events, 'in time');
  opened.time.now = untilNanos + 1n;
  start(opened.events, 'too late');
  expect(await ended).toEqual(['in time']);
});

test('times keep nanoseconds and never repeat', async () => {
  using opened = openTemporary();
  opened.time.now = 1_700_000_000_123_456_789n;
  start(opened.events, 'a');
  start(opened.events, 'b');
  const times: bigint[] = [];
  for await (const event of opened.events.stream(
    { sinceNanos: 0n, untilNanos: opened.time.now + 5n, filters: none },
    AbortSignal.timeout(1000),
  )) {
    times.push(event.timeNanos);
    if (times.length === 2) break;
  }
  expect(times).toEqual([1_700_000_000_123_456_789n, 1_700_000_000_123_456_790n]);
});

test('history beyond the retention is dropped, by count and by age', async () => {
  using opened = openTemporary({ rows: 500, days: 1 });
  const day = 86_400_000_000_000n;
  for (let step = 0; step < 1000; step++) start(opened.events, `c${step}`);
  const read = () =>
    all(
      opened.events.stream(
        { sinceNanos: 0n, untilNanos: opened.time.now + 2000n, filters: none },
        AbortSignal.timeout(50),
      ),
    );
  expect((await read())[0]).toBe('c500');
  opened.time.now += 3n * day;
  for (let step = 0; step < 1000; step++) start(opened.events, `d${step}`);
  expect((await read()).at(0)).toBe('d500');
});
