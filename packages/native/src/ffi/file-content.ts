import { syscall, trySyscall } from './libc.ts';

const seek = { data: 3, hole: 4 } as const;

/** A stretch of a file that holds bytes; between two of them is a hole. */
export type DataRange = { readonly offset: number; readonly sizeBytes: number };

/** Lists where a file has data, in order. A filesystem that knows no holes says: everywhere. @throws SystemError */
export function dataRanges(fd: number, fileBytes: number): DataRange[] {
  const ranges: DataRange[] = [];
  for (let at = 0; at < fileBytes; ) {
    const offset = trySyscall('lseek', fd, at, seek.data);
    // ENXIO: nothing but a hole up to the end.
    if (offset === -6) break;
    if (offset < 0) return [{ offset: 0, sizeBytes: fileBytes }];
    const end = Math.min(syscall('lseek', fd, offset, seek.hole), fileBytes);
    if (end <= offset) break;
    ranges.push({ offset, sizeBytes: end - offset });
    at = end;
  }
  return ranges;
}
