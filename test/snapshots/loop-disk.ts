import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandOutput } from '../harness/command.ts';

/** A filesystem of its own in a file, mounted at `path` until it is disposed. */
export type LoopDisk = AsyncDisposable & { readonly path: string };

export async function openLoopDisk(filesystem: 'ext4' | 'btrfs', size: string): Promise<LoopDisk> {
  await using undo = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'gantry-disk-'));
  undo.defer(() => rmSync(directory, { recursive: true, force: true }));
  const [file, path] = [join(directory, 'file'), join(directory, 'mount')];
  await commandOutput(['truncate', '-s', size, file]);
  await commandOutput([`mkfs.${filesystem}`, '-q', file]);
  await commandOutput(['mkdir', path]);
  await commandOutput(['mount', '-o', 'loop', file, path]);
  undo.defer(async () => {
    await commandOutput(['umount', path]);
  });
  const life = undo.move();
  return { path, [Symbol.asyncDispose]: () => life.disposeAsync() };
}
