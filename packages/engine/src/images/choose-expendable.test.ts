import { expect, test } from 'bun:test';
import { chooseExpendable, orderByWorth } from './choose-expendable.ts';
import type { CollectPolicy } from './types.ts';

const hourMs = 3_600_000;
const now = new Date('2026-11-26T12:00:00Z');
const hoursAgo = (hours: number): Date => new Date(now.getTime() - hours * hourMs);
const policy = (given: Partial<CollectPolicy>): CollectPolicy => ({
  unusedForMs: undefined,
  keepDurationMs: hourMs,
  maxUsedBytes: undefined,
  minFree: undefined,
  reservedBytes: 0,
  keeps: () => false,
  ...given,
});
const room = { usedBytes: 100, freeBytes: 50, totalBytes: 1000 };
const candidates = [
  { id: 'a', lastUsedAt: hoursAgo(50), gainBytes: 10 },
  { id: 'b', lastUsedAt: hoursAgo(30), gainBytes: 20 },
  { id: 'c', lastUsedAt: hoursAgo(5), gainBytes: 30 },
];
const chosen = (given: Partial<CollectPolicy>): readonly string[] =>
  chooseExpendable(candidates, policy(given), { room, now }).map(({ id }) => id);

test('who is too old goes first, then who has no name, then by last use; who was used lately stays', () => {
  const image = (id: string, hours: number, isNamed = true) => ({ id, lastUsedAt: hoursAgo(hours), isNamed });
  const images = [
    image('new', 0.5),
    image('old', 20),
    image('dangling', 2, false),
    image('ancient', 40),
    image('mid', 3),
  ];
  const order = orderByWorth(images, policy({ unusedForMs: 30 * hourMs }), now);
  expect(order.map(({ id }) => id)).toEqual(['ancient', 'dangling', 'old', 'mid']);
});

test('as many go as the policy asks for, and no more', () => {
  expect(chosen({})).toEqual([]);
  expect(chosen({ unusedForMs: 29 * hourMs })).toEqual(['a', 'b']);
  expect(chosen({ maxUsedBytes: 100 })).toEqual([]);
  expect(chosen({ maxUsedBytes: 95 })).toEqual(['a']);
  expect(chosen({ maxUsedBytes: 70 })).toEqual(['a', 'b']);
  expect(chosen({ minFree: { bytes: 55 } })).toEqual(['a']);
  expect(chosen({ minFree: { percent: 8 } })).toEqual(['a', 'b']);
  expect(chosen({ minFree: { percent: 99 } })).toEqual(['a', 'b', 'c']);
  expect(chosen({ minFree: { percent: 99 }, reservedBytes: 75 })).toEqual(['a', 'b']);
  expect(chosen({ unusedForMs: 40 * hourMs, maxUsedBytes: 75 })).toEqual(['a', 'b']);
});

test('each is told why', () => {
  const whyOf = (given: Partial<CollectPolicy>): string | undefined =>
    chooseExpendable(candidates, policy(given), { room, now })[0]?.why;
  expect(whyOf({ unusedForMs: 29 * hourMs })).toBe('it was last used on 2026-11-24T10:00:00.000Z');
  expect(whyOf({ maxUsedBytes: 70 })).toBe('images take 100B, more than 70B');
  expect(whyOf({ minFree: { percent: 10 } })).toBe('50B are free on the disk, less than 100B');
});
