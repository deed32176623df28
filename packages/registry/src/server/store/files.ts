import { randomUUID } from 'node:crypto';
import { type Stats, statSync, unlinkSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isErrno } from '@gantry/base';

/** A file's facts; undefined when there is none. */
export function statFile(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

/** A small file's text; undefined when there is none. */
export async function readText(path: string): Promise<string | undefined> {
  return (await readBytes(path))?.toString();
}

/** A small file's bytes; undefined when there is none. */
export async function readBytes(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** The names in a directory, in no order; none when it is not there. */
export async function listNames(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return [];
    throw error;
  }
}

/** Removes a file before anyone else has a turn. @returns whether it was there */
export function removeFileNow(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Removes a file. @returns whether it was there */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return false;
    throw error;
  }
}

/**
 * Writes a file that appears under its name complete, or not at all. Its bytes are on the disk before it has the name,
 * so that a power cut may lose the file but never leaves one with other bytes.
 *
 * @param temporary a directory on the same file system
 */
export async function writeDurably(temporary: string, path: string, content: Uint8Array | string): Promise<void> {
  const made = join(temporary, randomUUID());
  {
    await using file = await open(made, 'wx', 0o644);
    await file.writeFile(content);
    await file.datasync();
  }
  await moveInto(made, path);
}

/** The same for what can be done again after a power cut, when it may be found empty. */
export async function writeWhole(temporary: string, path: string, content: string): Promise<void> {
  const made = join(temporary, randomUUID());
  await writeFile(made, content, { flag: 'wx' });
  await moveInto(made, path);
}

const moveAttempts = 5;

/** Renames a file to a path whose directories may not be there yet, or be swept as empty while we look. */
export async function moveInto(from: string, path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await mkdir(dirname(path), { recursive: true });
      await rename(from, path);
      return;
    } catch (error) {
      if (attempt === moveAttempts || !isErrno(error, 'ENOENT')) throw error;
    }
  }
}
