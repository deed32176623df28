import { close, open, openFlag } from './files.ts';
import { trySyscall } from './libc.ts';

// linux/fs.h, for words of 64 bits; the value itself has 32.
const request = { get: 0x80086601, set: 0x40086602 } as const;
const topDirectory = 0x20000;

/**
 * Tells the filesystem that the directories in this one have nothing to do with each other, so that ext4 spreads them
 * over the disk (`chattr +T`). An advice: other filesystems know no such thing, and nothing happens there.
 *
 * @returns whether it was taken
 */
export function spreadSubdirectories(path: string): boolean {
  const fd = open(path, openFlag.readOnly | openFlag.directory);
  try {
    const flags = new Int32Array(2);
    if (trySyscall('ioctl', fd, request.get, flags) < 0) return false;
    flags[0] = (flags[0] ?? 0) | topDirectory;
    return trySyscall('ioctl', fd, request.set, flags) === 0;
  } finally {
    close(fd);
  }
}
