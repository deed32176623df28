import { expect, test } from 'bun:test';
import { createSystemClock } from './system-clock.ts';

test('between two milliseconds of the wall clock time goes on in nanoseconds', () => {
  const time = { ms: 1000, nanos: 50n };
  const clock = createSystemClock(
    () => time.ms,
    () => time.nanos,
  );
  expect(clock()).toBe(1_000_000_000n);
  time.nanos += 400n;
  expect(clock()).toBe(1_000_000_400n);
});

test('a wall clock that was set is followed to the millisecond, both ways', () => {
  const time = { ms: 1000, nanos: 50n };
  const clock = createSystemClock(
    () => time.ms,
    () => time.nanos,
  );
  time.ms = 5000;
  expect(clock()).toBe(5_000_000_000n);
  time.ms = 2000;
  expect(clock()).toBe(2_000_999_999n);
});
