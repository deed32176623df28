import { expect, test } from 'bun:test';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogOptions } from '../engine.ts';
import type { LogFollow } from './blocks.ts';
import { readLogs } from './read-logs.ts';

const all: LogOptions = {
  follow: false,
  stdout: true,
  stderr: true,
  sinceNanos: 0n,
  untilNanos: 0n,
  timestamps: false,
  details: false,
  tail: undefined,
};

const line = (text: string): string =>
  `{"log":"${text}\\n","stream":"stdout","time":"2026-11-20T23:46:55.123456789Z"}\n`;

function temporaryLog() {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-logs-'));
  return {
    path: join(directory, 'x-json.log'),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function read(path: string, options: Partial<LogOptions> = {}, follow?: LogFollow): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readLogs({ path, terminal: true }, { ...all, ...options }, follow)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Reads line by line while following, so that a test can wait for what it wrote. */
function following(path: string, options: Partial<LogOptions> = {}) {
  const ended = Promise.withResolvers<void>();
  const stop = new AbortController();
  const stream = readLogs(
    { path, terminal: true },
    { ...all, follow: true, ...options },
    { ended: ended.promise, signal: stop.signal },
  );
  let text = '';
  return {
    end: ended.resolve,
    stop: () => stop.abort(),
    until: async (wanted: string): Promise<void> => {
      while (!text.includes(wanted)) {
        const next = await stream.next();
        if (next.done) throw new Error(`ended before ${JSON.stringify(wanted)}: ${JSON.stringify(text)}`);
        text += Buffer.from(next.value).toString();
      }
    },
    rest: async (): Promise<string> => {
      for await (const chunk of stream) text += Buffer.from(chunk).toString();
      return text;
    },
  };
}

function rotate(path: string): void {
  renameSync(path, `${path}.1`);
  writeFileSync(path, '');
}

test('a log that does not exist reads as empty', async () => {
  expect(await read('/nonexistent/x.log')).toBe('');
  expect(await read('/nonexistent/x.log', { tail: 3 })).toBe('');
});

test('rotated files come first, oldest first', async () => {
  using log = temporaryLog();
  for (const [end, text] of [
    ['.10', 'a'],
    ['.2', 'b'],
    ['.1', 'c'],
    ['', 'd'],
  ] as const)
    writeFileSync(log.path + end, line(text));
  writeFileSync(`${log.path}.old`, line('not of the set'));
  expect(await read(log.path)).toBe('a\nb\nc\nd\n');
});

test.each([
  [0, ''],
  [1, 'e\n'],
  [2, 'd\ne\n'],
  [3, 'c\nd\ne\n'],
  [5, 'a\nb\nc\nd\ne\n'],
  [99, 'a\nb\nc\nd\ne\n'],
])('the tail of %d lines is found across rotated files', async (tail, wanted) => {
  using log = temporaryLog();
  writeFileSync(`${log.path}.1`, ['a', 'b', 'c'].map(line).join(''));
  writeFileSync(log.path, ['d', 'e'].map(line).join(''));
  expect(await read(log.path, { tail })).toBe(wanted);
});

test('a tail of a long log is found across blocks, and a torn end is no line of it', async () => {
  using log = temporaryLog();
  const texts = Array.from({ length: 20_000 }, (_, number) => `line ${number}`);
  writeFileSync(log.path, `${texts.map(line).join('')}{"log":"torn`);
  expect(await read(log.path, { tail: 12_345 })).toBe(`${texts.slice(-12_345).join('\n')}\n`);
  expect(await read(log.path)).toBe(`${texts.join('\n')}\n`);
});

test('following tells what is written later, and ends with the writer', async () => {
  using log = temporaryLog();
  writeFileSync(log.path, line('a'));
  const reader = following(log.path);
  await reader.until('a\n');
  appendFileSync(log.path, line('b').slice(0, 20));
  appendFileSync(log.path, line('b').slice(20));
  await reader.until('b\n');
  appendFileSync(log.path, line('c'));
  reader.end();
  expect(await reader.rest()).toBe('a\nb\nc\n');
});

test('following a log that is not there yet', async () => {
  using log = temporaryLog();
  const reader = following(log.path);
  writeFileSync(log.path, line('a'));
  await reader.until('a\n');
  reader.end();
  expect(await reader.rest()).toBe('a\n');
});

test('following begins with the tail that was asked for', async () => {
  using log = temporaryLog();
  writeFileSync(log.path, line('older') + line('old'));
  const reader = following(log.path, { tail: 1 });
  await reader.until('old\n');
  appendFileSync(log.path, line('new'));
  await reader.until('new\n');
  reader.end();
  expect(await reader.rest()).toBe('old\nnew\n');
});

test('following loses nothing when the log is rotated, also twice between two looks', async () => {
  using log = temporaryLog();
  writeFileSync(log.path, line('a'));
  const reader = following(log.path);
  await reader.until('a\n');
  appendFileSync(log.path, line('b'));
  renameSync(log.path, `${log.path}.1`);
  writeFileSync(log.path, line('c'));
  renameSync(`${log.path}.1`, `${log.path}.2`);
  rotate(log.path);
  appendFileSync(log.path, line('d'));
  await reader.until('d\n');
  reader.end();
  expect(await reader.rest()).toBe('a\nb\nc\nd\n');
});

test('following a single file that is started over goes on with its new content', async () => {
  using log = temporaryLog();
  writeFileSync(log.path, line('a long line before the log is started over'));
  const reader = following(log.path);
  await reader.until('over\n');
  truncateSync(log.path);
  appendFileSync(log.path, line('b'));
  await reader.until('b\n');
  reader.end();
  await reader.rest();
});

test('an aborted follower ends', async () => {
  using log = temporaryLog();
  writeFileSync(log.path, line('a'));
  const reader = following(log.path);
  await reader.until('a\n');
  reader.stop();
  expect(await reader.rest()).toBe('a\n');
});

test('a busy writer that rotates all the time is followed without a gap, and no file stays open', async () => {
  using log = temporaryLog();
  writeFileSync(log.path, '');
  const script = `
    const fs = require('node:fs'); const path = process.argv[1];
    for (let n = 0; n < 20000; n++) {
      fs.appendFileSync(path, '{"log":"n ' + n + '\\\\n","stream":"stdout","time":"2026-11-20T23:46:55.123456789Z"}\\n');
      if (n % 2000 === 1999) { for (let i = 8; i >= 1; i--) try { fs.renameSync(path + '.' + i, path + '.' + (i + 1)); } catch {}
        fs.renameSync(path, path + '.1'); fs.writeFileSync(path, ''); }
    }`;
  const before = openLogs(log.path);
  const writer = Bun.spawn([process.execPath, '-e', script, log.path]);
  const stop = new AbortController();
  const text = await read(log.path, { follow: true }, { ended: writer.exited, signal: stop.signal });
  expect(text).toBe(Array.from({ length: 20_000 }, (_, n) => `n ${n}\n`).join(''));
  expect(openLogs(log.path)).toBe(before);
});

function openLogs(path: string): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => link.startsWith(path)).length;
}
