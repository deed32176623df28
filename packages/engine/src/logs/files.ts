import { closeSync, fstat, fstatSync, openSync, read, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { isErrno } from '@gantry/base';

/** One open file of a log. Its inode says which one it is: names move on at each rotation. */
export type LogFile = Disposable & {
  readonly inode: number;
  /** Bytes at a position; none at the end of the file. */
  read(buffer: Buffer, position: number): Promise<number>;
  size(): Promise<number>;
};

const readFrom = promisify(read);
const statOf = promisify(fstat);

/** Opens a file of a log. @returns undefined when it is not there */
export function openLogFile(path: string): LogFile | undefined {
  const fd = ifThere(() => openSync(path, 'r'));
  if (fd === undefined) return undefined;
  let isOpen = true;
  return {
    inode: fstatSync(fd).ino,
    read: async (buffer, position) => (isOpen ? (await readFrom(fd, buffer, 0, buffer.length, position)).bytesRead : 0),
    size: async () => (isOpen ? (await statOf(fd)).size : 0),
    // More than one owner may close it: the reader that moves on, and the one that gives up in between.
    [Symbol.dispose]: () => {
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
}

/** A writer that rotates faster than its files can be opened keeps too little to be read whole. */
const mostLooks = 100;

/**
 * Opens the files of a log, oldest first: `path.N` … `path.1`, `path`.
 *
 * A rotation meanwhile moves every name: files are opened again until nothing has moved, and without a pause, so that this
 * comes soon.
 */
export function openLogFiles(path: string): readonly LogFile[] {
  for (let look = 1; ; look++) {
    using opened = new DisposableStack();
    const names = [path, ...rotatedNames(path)];
    const newestFirst = names.flatMap((name) => openLogFile(name) ?? []);
    for (const file of newestFirst) opened.use(file);
    const inodes = [path, ...rotatedNames(path)].flatMap((name) => ifThere(() => statSync(name).ino) ?? []);
    const isSame =
      inodes.length === newestFirst.length && inodes.every((inode, index) => newestFirst[index]?.inode === inode);
    if (!isSame && look < mostLooks) continue;
    opened.move();
    return newestFirst.reverse();
  }
}

/** `path.1`, `path.2`, … as far as they exist. */
function rotatedNames(path: string): string[] {
  const prefix = `${basename(path)}.`;
  return (ifThere(() => readdirSync(dirname(path))) ?? [])
    .filter((name) => name.startsWith(prefix) && /^[1-9]\d*$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b)
    .map((number) => join(dirname(path), prefix + number));
}

function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
