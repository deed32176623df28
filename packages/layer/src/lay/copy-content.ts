import {
  cloneFile,
  copyFileRange,
  type DataRange,
  dataRanges,
  ftruncate,
  isSystemError,
  readFd,
  syscall,
  writeFd,
} from '@gantry/native';

const bufferBytes = 2 ** 20;

/** Copies what a file holds into an empty one: by reference where the filesystem can, and holes stay holes. */
export function copyContent(from: number, to: number, sizeBytes: number): void {
  if (sizeBytes === 0 || cloneFile(from, to)) return;
  for (const range of dataRanges(from, sizeBytes)) copyRange(from, to, range);
  ftruncate(to, sizeBytes);
}

function copyRange(from: number, to: number, { offset, sizeBytes }: DataRange): void {
  for (const fd of [from, to]) syscall('lseek', fd, offset, 0);
  for (let left = sizeBytes; left > 0; ) {
    const count = copySome(from, to, left);
    // Shorter than it was said to be: the rest is a hole.
    if (count === 0) return;
    left -= count;
  }
}

function copySome(from: number, to: number, mostBytes: number): number {
  try {
    return copyFileRange(from, to, mostBytes);
  } catch (error) {
    // Two filesystems of different kinds: then the bytes go through this process.
    if (!isSystemError(error, 'EXDEV', 'EINVAL', 'EOPNOTSUPP', 'ENOSYS')) throw error;
    const bytes = Buffer.allocUnsafe(Math.min(bufferBytes, mostBytes));
    const count = readFd(from, bytes);
    writeFd(to, bytes.subarray(0, count));
    return count;
  }
}
