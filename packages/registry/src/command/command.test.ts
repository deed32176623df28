import { expect, test } from 'bun:test';
import { parseDuration } from './duration.ts';
import { parseAddress } from './listen.ts';

test('a duration is read as Go writes it', () => {
  const rows = [
    ['0', 0],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['1.5s', 1500],
    ['250ms', 250],
  ] as const;
  for (const [text, ms] of rows) expect(parseDuration(text, 'x')).toBe(ms);
  for (const text of ['', '5', '-1s', '1y', '1h ', 'h'])
    expect(() => parseDuration(text, 'gc-grace')).toThrow('--gc-grace');
});

test('an address has a port, and a host of either family', () => {
  expect(parseAddress('127.0.0.1:5000')).toEqual({ hostname: '127.0.0.1', port: 5000 });
  expect(parseAddress('[::1]:0')).toEqual({ hostname: '::1', port: 0 });
  expect(parseAddress(':80')).toEqual({ hostname: '::', port: 80 });
  for (const text of ['', '5000', 'a', 'a:b', 'a:99999', '::1:5', 'http://a:5'])
    expect(() => parseAddress(text)).toThrow('invalid address');
});
