import { open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isErrno } from '@gantry/base';

/** One open file of a log. Its inode says which one it is: names move on at each rotation. */
export type LogFile = AsyncDisposable & {
  readonly inode: number;
  /** Bytes at a position; none at the end of the file. */
  read(buffer: Buffer, position: number): Promise<number>;
  size(): Promise<number>;
};

/** Opens a file of a log. @returns undefined when it is not there */
export async function openLogFile(path: string): Promise<LogFile | undefined> {
  try {
    const handle = await open(path, 'r');
    const { ino } = await handle.stat();
    let isOpen = true;
    return {
      inode: ino,
      read: async (buffer, position) => (await handle.read(buffer, 0, buffer.length, position)).bytesRead,
      size: async () => (await handle.stat()).size,
      // More than one owner may close it: the reader that moves on, and the one that gives up in between.
      [Symbol.asyncDispose]: async () => {
        if (isOpen) {
          isOpen = false;
          await handle.close();
        }
      },
    };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Opens the files of a log, oldest first: `path.N` … `path.1`, `path`.
 *
 * A rotation in between may move a file that was opened already to the next name; it is then met twice and kept once.
 */
export async function openLogFiles(path: string): Promise<readonly LogFile[]> {
  const newestFirst: LogFile[] = [];
  for (const name of [path, ...(await rotatedNames(path))]) {
    const file = await openLogFile(name);
    if (file === undefined) continue;
    if (newestFirst.some((known) => known.inode === file.inode)) await file[Symbol.asyncDispose]();
    else newestFirst.push(file);
  }
  return newestFirst.reverse();
}

/** `path.1`, `path.2`, … as far as they exist. */
async function rotatedNames(path: string): Promise<string[]> {
  const prefix = `${basename(path)}.`;
  let names: string[];
  try {
    names = await readdir(dirname(path));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
  return names
    .filter((name) => name.startsWith(prefix) && /^[1-9]\d*$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b)
    .map((number) => join(dirname(path), prefix + number));
}

function isMissing(error: unknown): boolean {
  return isErrno(error, 'ENOENT');
}
