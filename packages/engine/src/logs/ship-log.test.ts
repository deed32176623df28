import { expect, test } from 'bun:test';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bind, close, recv, socket, socketFamily, socketType, unixAddress } from '@gantry/native';
import type { LogMark } from './mark.ts';
import { shipLog } from './ship-log.ts';
import type { LogOrigin } from './types.ts';

const origin: LogOrigin = {
  id: 'ab'.repeat(32),
  name: 'box',
  imageId: '',
  imageName: 'busybox',
  command: 'sh',
  createdAt: new Date(0),
  hostname: 'vm',
  pid: 1,
  tag: 'T',
  attributes: {},
};

const line = (number: number): string =>
  `{"log":"line ${number}\\n","stream":"stdout","time":"2026-11-20T23:46:55.${String(number).padStart(9, '1')}Z"}\n`;
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => line(from + index)).join('');

/** A log, a datagram socket of the journal's kind, and a place for the mark. */
function world() {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-ship-'));
  const path = join(directory, 'x-json.log');
  const fd = socket(socketFamily.unix, socketType.datagram, { nonBlocking: true });
  bind(fd, unixAddress(join(directory, 'socket')));
  const troubles: string[] = [];
  let mark: LogMark | undefined;
  return {
    path,
    troubles,
    /** Ships what is there, and takes it. @returns the numbers of the lines */
    ship: async (): Promise<number[]> => {
      const done = shipLog({
        path,
        target: { kind: 'journald', path: join(directory, 'socket') },
        origin,
        ended: Promise.resolve(),
        signal: new AbortController().signal,
        random: (bytes) => new Uint8Array(bytes),
        findMark: () => mark,
        saveMark: (next) => {
          mark = next;
        },
        tellTrouble: (trouble) => {
          if (trouble !== undefined) troubles.push(trouble);
        },
      }).then(() => 'done');
      const numbers: number[] = [];
      const buffer = Buffer.alloc(65536);
      for (let isDone = false; ; ) {
        const length = recv(fd, buffer);
        if (length > 0) {
          const text = buffer.toString('utf8', 0, length);
          expect(text).toContain('PRIORITY=6\nSYSLOG_IDENTIFIER=T\n');
          numbers.push(Number(/MESSAGE=line (\d+)\n/.exec(text)?.[1]));
          continue;
        }
        if (isDone) return numbers;
        isDone = (await Promise.race([done, Bun.sleep(1)])) === 'done';
      }
    },
    [Symbol.dispose]: () => {
      close(fd);
      rmSync(directory, { recursive: true });
    },
  };
}

const upTo = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

test('the journal gets more lines than its socket holds at once, each once', async () => {
  using here = world();
  writeFileSync(here.path, lines(0, 5000));
  expect(await here.ship()).toEqual(upTo(0, 5000));
  expect(await here.ship()).toEqual([]);
});

test('sending goes on behind the mark, in whatever file that is by then', async () => {
  using here = world();
  writeFileSync(here.path, lines(0, 10));
  expect(await here.ship()).toEqual(upTo(0, 10));
  writeFileSync(here.path, lines(10, 20), { flag: 'a' });
  renameSync(here.path, `${here.path}.1`);
  writeFileSync(here.path, lines(20, 30));
  expect(await here.ship()).toEqual(upTo(10, 30));
  expect(here.troubles).toEqual([]);
});

test('what was rotated away before it was sent is told, and the rest is sent', async () => {
  using here = world();
  writeFileSync(here.path, lines(0, 10));
  await here.ship();
  writeFileSync(here.path, lines(40, 50));
  expect(await here.ship()).toEqual(upTo(40, 50));
  expect(here.troubles).toEqual(['lines were rotated away before they could be sent']);
});
