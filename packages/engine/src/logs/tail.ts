import type { LogFile } from './files.ts';

/** Where reading begins: a file, by its place in the list, and a position in it. */
export type LogPosition = { readonly index: number; readonly position: number };

const blockBytes = 256 * 1024;
const newline = 0x0a;

/**
 * Finds where the last `count` lines begin, reading blocks from the end and no more of them than needed.
 *
 * A torn line at the very end counts as none, since it may still be written.
 *
 * @param files oldest first
 */
export async function findTail(files: readonly LogFile[], count: number): Promise<LogPosition> {
  let missing = count;
  for (let index = files.length - 1; index >= 0; index--) {
    const file = files[index];
    if (file === undefined) continue;
    const size = await file.size();
    const end = await endOfLastLine(file, size);
    if (missing === 0) return { index, position: end };
    const found = await seekBack(file, end, missing);
    if (found.missing === 0) return { index, position: found.position };
    missing = found.missing;
  }
  return { index: 0, position: 0 };
}

async function endOfLastLine(file: LogFile, size: number): Promise<number> {
  for await (const { block, start } of blocksFromEnd(file, size)) {
    const last = block.lastIndexOf(newline);
    if (last >= 0) return start + last + 1;
  }
  return 0;
}

/** Walks back over `count` lines that end at `end`. @returns how many are missing when the file begins too late */
async function seekBack(file: LogFile, end: number, count: number): Promise<{ position: number; missing: number }> {
  let missing = count;
  // The newline at `end` closes the last line; the ones before it close the lines before.
  for await (const { block, start } of blocksFromEnd(file, end - 1)) {
    for (let at = block.lastIndexOf(newline); at >= 0; at = at === 0 ? -1 : block.lastIndexOf(newline, at - 1)) {
      missing--;
      if (missing === 0) return { position: start + at + 1, missing };
    }
  }
  return { position: 0, missing: end > 0 ? missing - 1 : missing };
}

async function* blocksFromEnd(file: LogFile, end: number): AsyncGenerator<{ block: Buffer; start: number }> {
  const buffer = Buffer.allocUnsafe(blockBytes);
  for (let stop = end; stop > 0; ) {
    const start = Math.max(0, stop - blockBytes);
    const bytes = await file.read(buffer.subarray(0, stop - start), start);
    yield { block: buffer.subarray(0, bytes), start };
    stop = start;
  }
}
