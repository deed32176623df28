import { expect, test } from 'bun:test';
import {
  parseBlockEntries,
  parseCounter,
  parseCounters,
  parseIoEntries,
  parseOomKills,
  parseRanges,
} from './counters.ts';

test('a counter keeps its 64 bits, and no limit is the largest number', () => {
  expect(parseCounter('9223372036854771712\n')).toBe(9223372036854771712n);
  expect(parseCounter('max\n')).toBe(18446744073709551615n);
  expect(parseCounter('-1\n')).toBe(-1n);
  expect(parseCounter('')).toBe(0n);
  expect(parseCounters('rss 5\ncache 18446744073709551615\nnot a number\n')).toEqual({
    cache: 18446744073709551615n,
    rss: 5n,
  });
});

test('ranges are told one by one', () => {
  expect(parseRanges('0-2,5\n')).toEqual([0, 1, 2, 5]);
  expect(parseRanges('\n')).toEqual([]);
});

test('block I/O of v2 reads as that of v1', () => {
  expect(parseBlockEntries('8:0 Read 4096\n8:0 Write 0\nTotal 4096\n')).toEqual([
    { major: 8, minor: 0, op: 'Read', value: 4096n },
    { major: 8, minor: 0, op: 'Write', value: 0n },
  ]);
  const text = '8:0 rbytes=4096 wbytes=1 rios=2 wios=3 dbytes=0 dios=0\n';
  expect(parseIoEntries(text, { Read: 'rbytes', Write: 'wbytes' })).toEqual([
    { major: 8, minor: 0, op: 'Read', value: 4096n },
    { major: 8, minor: 0, op: 'Write', value: 1n },
  ]);
});

test('both versions count OOM kills under one word', () => {
  expect(parseOomKills('oom_kill_disable 0\nunder_oom 0\noom_kill 3\n')).toBe(3);
  expect(parseOomKills('')).toBe(0);
});
