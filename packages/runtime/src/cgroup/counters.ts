import { parseKeyValues } from './key-values.ts';

/** Kernel counters are 64 bits wide: a limit that is none does not fit a number. */
export type Counter = bigint;

const none: Counter = 2n ** 64n - 1n;

/** One number of a file; `max` is the largest there is, and what is absent counts as 0. */
export function parseCounter(text: string): Counter {
  const word = text.trim();
  if (word === 'max') return none;
  return /^-?\d+$/.test(word) ? BigInt(word) : 0n;
}

/** Lines of `key number`, in the order of their keys. */
export function parseCounters(text: string): Record<string, Counter> {
  const entries = [...text.matchAll(/^(\S+) (\d+)$/gm)].map(
    (match) => [match[1] ?? '', BigInt(match[2] ?? 0)] as const,
  );
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** `0-2,5` as its numbers. */
export function parseRanges(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter((range) => range !== '')
    .flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

export type BlockEntry = {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: Counter;
};

/** A blkio file of cgroup v1: lines of `8:0 Read 4096`. */
export function parseBlockEntries(text: string): BlockEntry[] {
  return [...text.matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm)].map((match) => ({
    major: Number(match[1]),
    minor: Number(match[2]),
    op: match[3] ?? '',
    value: BigInt(match[4] ?? 0),
  }));
}

/** io.stat of cgroup v2 in the terms of v1. @param keys which of its counters are reads and which are writes */
export function parseIoEntries(text: string, keys: { readonly Read: string; readonly Write: string }): BlockEntry[] {
  return text.split('\n').flatMap((line) => {
    const [device = '', ...pairs] = line.split(' ');
    const [major = 0, minor = 0] = device.split(':').map(Number);
    const values = parseCounters(pairs.map((pair) => pair.replace('=', ' ')).join('\n'));
    return Object.entries(keys).flatMap(([op, key]) =>
      values[key] === undefined ? [] : [{ major, minor, op, value: values[key] }],
    );
  });
}

/** How many processes the kernel has killed for want of memory: memory.oom_control of v1, memory.events of v2. */
export function parseOomKills(text: string): number {
  return parseKeyValues(text).oom_kill ?? 0;
}
