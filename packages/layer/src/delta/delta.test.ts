import { afterAll, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { endOfArchive, formatFile, plainEntry } from '../tar/writer.ts';
import { applyDelta } from './apply-delta.ts';
import { deltaMagic, formatNumbers, operations } from './format.ts';
import { writeDelta } from './write-delta.ts';

const directory = mkdtempSync(join(tmpdir(), 'gantry-delta-'));
afterAll(() => rmSync(directory, { recursive: true }));

type File = { readonly path: string; readonly bytes: Buffer; readonly time?: number };

const files: readonly File[] = Array.from({ length: 40 }, (_, i) => ({
  path: `dir/${i}`,
  bytes: randomBytes(20_000 + i),
}));

function tarOf(all: readonly File[]): Buffer {
  const parts = all.map(({ path, bytes, time = 0 }) =>
    formatFile({ ...plainEntry({ kind: 'file', path }), modified: { seconds: time, nanoseconds: 0 } }, bytes),
  );
  return Buffer.concat([...parts, endOfArchive]);
}

let made = 0;
function write(bytes: Uint8Array): string {
  const path = join(directory, String(made++));
  writeFileSync(path, bytes);
  return path;
}

async function apply(base: Uint8Array, delta: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of applyDelta(write(base), delta)) parts.push(part.slice());
  return Buffer.concat(parts);
}

const base = tarOf(files);
const other = randomBytes(5000);
const cases: Readonly<Record<string, readonly [target: Buffer, atMostBytes: number]>> = {
  'the same': [base, 200],
  'one file changed': [tarOf(files.map((file, i) => (i === 20 ? { ...file, bytes: other } : file))), 8000],
  'a file more': [tarOf([{ path: 'new', bytes: other }, ...files]), 8000],
  'all in another order': [tarOf(files.toReversed()), 30_000],
  'all with another time': [tarOf(files.map((file) => ({ ...file, time: 1_700_000_000 }))), 4000],
  'a file three times': [tarOf([...files, ...files.slice(0, 1), ...files.slice(0, 1)]), 30_000],
  'no tar at all': [randomBytes(3000), 3200],
};

test.each(Object.keys(cases))('a delta gives what it was made of, and is small: %s', async (name) => {
  const [target, atMostBytes] = cases[name] ?? [base, 0];
  const output = join(directory, String(made++));
  const request = { base: write(gzipSync(base)), target: write(gzipSync(target)), output, maximumBytes: 1e6 };
  expect(await writeDelta(request)).toEqual({ kind: 'made', sizeBytes: statSync(output).size });
  expect(statSync(output).size).toBeLessThanOrEqual(atMostBytes);
  expect((await apply(base, createReadStream(output))).equals(target)).toBeTrue();
});

test('what would be too large, or cannot be read, is of no use', async () => {
  const request = { base: write(base), target: write(randomBytes(100_000)), maximumBytes: 50_000 };
  expect((await writeDelta({ ...request, output: join(directory, 'large') })).kind).toBe('useless');
  const corrupt = Buffer.concat([gzipSync(base).subarray(0, 1000), randomBytes(1000)]);
  const unreadable = { ...request, target: write(corrupt), output: join(directory, 'corrupt') };
  expect((await writeDelta(unreadable)).kind).toBe('useless');
});

const copy = (offset: number, length: number): Uint8Array => formatNumbers(operations.copy, [offset, length]);
const end = formatNumbers(operations.end, []);
const hostile: Readonly<Record<string, readonly [why: string, bytes: Uint8Array]>> = {
  'nothing packed': ['it is none', Buffer.from('gantry-delta-9\n')],
  'another format': ['it is none', zstdCompressSync(Buffer.from('gantry-delta-9\n'))],
  'no end': ['it is cut short', packed(copy(0, 10))],
  'half of a piece': ['it is cut short', packed(formatNumbers(operations.put, [100]), randomBytes(50))],
  torn: ['cut short', packed(formatNumbers(operations.put, [9000]), randomBytes(9000), end).subarray(0, 5000)],
  'behind the base': ['outside of its base', packed(copy(base.length - 1, 2), end)],
  'far behind the base': ['outside of its base', packed(copy(2 ** 48, 1), end)],
  'a number without end': ['a number is too large', packed(Uint8Array.from([operations.copy, ...Array(9).fill(0xff)]))],
  'an unknown operation': ['it has an operation 9', packed(Uint8Array.from([9]))],
  'the base again and again': ['more than four times', packed(...Array(200).fill(copy(0, base.length)), end)],
  'a bomb': ['grows to more than', packed(formatNumbers(operations.put, [2 ** 40]), Buffer.alloc(80 * 2 ** 20))],
};

function packed(...parts: readonly Uint8Array[]): Buffer {
  return zstdCompressSync(Buffer.concat([deltaMagic, ...parts]));
}

test.each(Object.keys(hostile))('a delta is refused: %s', async (name) => {
  const [why, bytes] = hostile[name] ?? ['', base];
  async function* sent(): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  expect(apply(base, sent())).rejects.toThrow(why);
});
