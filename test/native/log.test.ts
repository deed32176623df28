import { afterAll, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mount, umount } from '@gantry/native';
import { openBench, type TaskOptions } from './fixture.ts';
import type { Task } from './task.ts';

const bench = await openBench();
afterAll(() => bench[Symbol.asyncDispose]());

/** Runs a shell script with a file of bytes at /tmp/input. */
function logging(input: Uint8Array | string, script: string, shim: TaskOptions['shim'] = {}): Task {
  writeFileSync(join(bench.image, 'tmp/input'), input);
  const task = bench.start({ argv: ['sh', '-c', script], shim });
  task.start().exit();
  return task;
}

const logPath = (task: Task): string => join(task.plan.shim.taskDir, 'log');
const logLines = (task: Task): { log: string; stream: string; time: string }[] =>
  readFileSync(logPath(task), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

test('a line is written exactly as Docker writes it', () => {
  const text = readFileSync(logPath(logging('', 'echo hi; echo oops >&2')), 'utf8');
  expect(text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,8}[1-9])?Z/g, 'TIME')).toBe(
    '{"log":"hi\\n","stream":"stdout","time":"TIME"}\n{"log":"oops\\n","stream":"stderr","time":"TIME"}\n',
  );
});

test('every byte and odd character is escaped as Go does', () => {
  const ascii = Uint8Array.from({ length: 128 }, (_, byte) => (byte === 10 ? 32 : byte));
  const odd = Buffer.concat([
    Buffer.from('é€😀\u2028\u2029\u2030'),
    Uint8Array.of(0xff, 0xc0, 0xaf, 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80, 0xe2, 0x82),
  ]);
  const text = readFileSync(logPath(logging(Buffer.concat([ascii, odd]), 'cat /tmp/input')), 'utf8');
  expect(text.slice(0, text.indexOf('","stream"'))).toBe(
    '{"log":"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\u0008\\u0009 \\u000b\\u000c\\r\\u000e\\u000f' +
      '\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f' +
      ' !\\"#$%\\u0026\'()*+,-./0123456789:;\\u003c=\\u003e?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`abcdefghijklmnopqrstuvwxyz{|}~\x7f' +
      `é€😀\\u2028\\u2029\u2030${'\\ufffd'.repeat(12)}`,
  );
});

test('long lines are split every 16 KiB, and a last line without end stays without', () => {
  const input = `${'a'.repeat(16383)}\n${'b'.repeat(16384)}\n${'c'.repeat(40000)}\nend`;
  const lines = logLines(logging(input, 'cat /tmp/input'));
  expect(lines.map(({ log }) => [log[0], log.length, log.endsWith('\n')])).toEqual([
    ['a', 16384, true],
    ['b', 16384, false],
    ['\n', 1, true],
    ['c', 16384, false],
    ['c', 16384, false],
    ['c', 7233, true],
    ['e', 3, false],
  ]);
});

test('CRI lines carry time, stream and whether the line is whole', () => {
  const path = join(bench.dir, 'cri.log');
  logging(`x\n${'y'.repeat(20000)}\nz`, 'cat /tmp/input', { log: { kind: 'cri', path, maxSizeBytes: 0, maxFiles: 1 } });
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.replace(/^\S+Z /, ''));
  expect(lines.map((line) => [line.slice(0, 10), line.length])).toEqual([
    ['stdout F x', 10],
    ['stdout P y', 16393],
    ['stdout F y', 3625],
    ['stdout P z', 10],
    ['', 0],
  ]);
});

test('a file that passes its size is rotated, and only so many are kept', () => {
  const path = join(bench.dir, 'rotated');
  logging('', 'seq 1 1000', { log: { kind: 'json-file', path, maxSizeBytes: 8192, maxFiles: 3 } });
  const seen = ['.2', '.1', ''].flatMap((suffix) => {
    const lines = readFileSync(`${path}${suffix}`, 'utf8').trimEnd().split('\n');
    expect(statSync(`${path}${suffix}`).size).toBeLessThan(8192 + 100);
    return lines.map((line) => Number(JSON.parse(line).log));
  });
  expect(existsSync(`${path}.3`)).toBe(false);
  expect(seen).toEqual(Array.from({ length: seen.length }, (_, index) => 1001 - seen.length + index));
});

test('a single rotated file starts anew', () => {
  const path = join(bench.dir, 'single');
  logging('', 'seq 1 1000', { log: { kind: 'json-file', path, maxSizeBytes: 8192, maxFiles: 1 } });
  expect(existsSync(`${path}.1`)).toBe(false);
  expect(statSync(path).size).toBeLessThan(8192);
  expect(readFileSync(path, 'utf8')).toContain('"1000\\n"');
});

test('a full disk costs log lines, never the container, and leaves only whole lines', () => {
  const disk = join(bench.dir, 'disk');
  mkdirSync(disk);
  mount('tmpfs', disk, { type: 'tmpfs', data: 'size=256k' });
  try {
    const path = join(disk, 'log');
    const shim = { log: { kind: 'json-file', path, maxSizeBytes: 0, maxFiles: 1 } } as const;
    const task = bench.start({ argv: ['sh', '-c', 'seq 1 30000; exit 4'], shim });
    using client = task.attach();
    task.start();
    expect(client.output().split('\n')).toHaveLength(30_001);
    expect(task.exit().exitCode).toBe(4);
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => JSON.parse(line).log)[0]).toBe('1\n');
  } finally {
    umount(disk);
  }
});
