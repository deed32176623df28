import { expect, test } from 'bun:test';
import { formatTime, humanDuration, parseTime, unixSeconds, zeroTime } from './time.ts';

test.each([
  ['2026-11-20T23:26:38.120Z', '2026-11-20T23:26:38.12Z'],
  ['2026-11-20T23:26:38.000Z', '2026-11-20T23:26:38Z'],
  ['2026-11-20T23:26:30.000Z', '2026-11-20T23:26:30Z'],
  ['2026-11-20T23:26:38.007Z', '2026-11-20T23:26:38.007Z'],
])('%s prints as Go prints it', (moment, shown) => {
  expect(formatTime(new Date(moment))).toBe(shown);
});

test('a moment that never came is Go’s zero time, both ways', () => {
  expect(formatTime(undefined)).toBe(zeroTime);
  expect(parseTime(zeroTime)).toBeUndefined();
  expect(unixSeconds(undefined)).toBe(-62135596800);
});

test('nanoseconds are read down to the millisecond', () => {
  expect(parseTime('2026-11-20T23:26:38.965083837Z')?.toISOString()).toBe('2026-11-20T23:26:38.965Z');
});

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test.each([
  [0, 'Less than a second'],
  [second, '1 second'],
  [59 * second, '59 seconds'],
  [minute, 'About a minute'],
  [2 * minute, '2 minutes'],
  [59 * minute, '59 minutes'],
  [hour, 'About an hour'],
  [hour + 30 * minute, '2 hours'],
  [47 * hour, '47 hours'],
  [2 * day, '2 days'],
  [13 * day, '13 days'],
  [14 * day, '2 weeks'],
  [60 * day, '2 months'],
  [800 * day, '2 years'],
])('%d ms is %s', (ms, words) => {
  expect(humanDuration(ms)).toBe(words);
});
