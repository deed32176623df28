import { expect, test } from 'bun:test';
import { formatBinarySize, formatSize, parseSize } from './sizes.ts';

test('sizes are read in powers of 1024, with or without a unit', () => {
  const cases: [string, number][] = [
    ['512', 512],
    ['64m', 64 * 2 ** 20],
    ['1.5GiB', 1.5 * 2 ** 30],
    ['10 MB', 10 * 2 ** 20],
    ['1b', 1],
  ];
  for (const [text, size] of cases) expect(parseSize(text)).toBe(size);
  for (const text of ['', 'm', '-1', '1x', '1.2.3g']) expect(() => parseSize(text)).toThrow(`invalid size: '${text}'`);
});

test('sizes are shown as docker shows them', () => {
  expect([0, 999, 1000, 4_261_550, 717_000_000].map((size) => formatSize(size))).toEqual([
    '0B',
    '999B',
    '1kB',
    '4.262MB',
    '717MB',
  ]);
  expect([512, 1024, 1.5 * 2 ** 30].map(formatBinarySize)).toEqual(['512B', '1KiB', '1.5GiB']);
});
