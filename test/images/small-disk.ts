import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mount, umount } from '@gantry/native';

/** A directory on a filesystem of its own that is full after so many bytes. Unmounted and removed when disposed. */
export function openSmallDisk(sizeBytes: number): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'gantry-disk-'));
  mount('tmpfs', path, { type: 'tmpfs', data: `size=${sizeBytes}` });
  return {
    path,
    [Symbol.dispose]: () => {
      umount(path);
      rmdirSync(path);
    },
  };
}

/** The lines of a command's output. */
export function linesOf(command: string, cwd: string): string[] {
  return execFileSync('bash', ['-ec', command], { cwd }).toString().trimEnd().split('\n');
}
