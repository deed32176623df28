import { expect, test } from 'bun:test';
import type { ProgressWire } from '@gantry/api';
import { formatProgress, ProgressPrinter } from './progress.ts';

const messages: readonly ProgressWire[] = [
  { status: 'Pulling from library/busybox', id: 'latest' },
  { status: 'Pulling fs layer', progressDetail: {}, id: 'a1' },
  { status: 'Pulling fs layer', progressDetail: {}, id: 'b2' },
  { status: 'Downloading', progressDetail: { current: 500_000, total: 2_000_000 }, id: 'a1' },
  { status: 'Pull complete', progressDetail: {}, id: 'a1' },
  { status: 'Status: Downloaded newer image for busybox:latest' },
];

test('without a terminal every step is a line, and bars are left out', () => {
  const printer = new ProgressPrinter(undefined);
  expect(messages.map((message) => printer.print(message)).join('')).toBe(
    'latest: Pulling from library/busybox\na1: Pulling fs layer\nb2: Pulling fs layer\na1: Pull complete\nStatus: Downloaded newer image for busybox:latest\n',
  );
});

test('on a terminal each layer keeps its line', () => {
  const printer = new ProgressPrinter(80);
  expect(messages.slice(0, 4).map((message) => printer.print(message))).toEqual([
    'latest: Pulling from library/busybox\n',
    '\n\x1b[1A\x1b[2K\ra1: Pulling fs layer \r\x1b[1B',
    '\n\x1b[1A\x1b[2K\rb2: Pulling fs layer \r\x1b[1B',
    '\x1b[2A\x1b[2K\ra1: Downloading    500kB/2MB\r\x1b[2B',
  ]);
});

test('a wide terminal has room for a bar', () => {
  expect(formatProgress({ current: 1_000_000, total: 2_000_000 }, 120)).toBe(
    `[${'='.repeat(25)}>${' '.repeat(25)}]      1MB/2MB`,
  );
  expect([formatProgress({}, 120), formatProgress({ current: 5 }, 80)]).toEqual(['', '      5B']);
});

test("a failure in the middle ends the command with the engine's words", () => {
  expect(() =>
    new ProgressPrinter(undefined).print({ errorDetail: { message: 'manifest unknown' }, error: 'x' }),
  ).toThrow('manifest unknown');
});
