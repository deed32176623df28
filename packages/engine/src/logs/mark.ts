import type { LogFile } from './files.ts';
import type { LogPosition } from './tail.ts';

/**
 * How far a log was sent: a place in a file, and the bytes before it, by which the file is known again whatever its name
 * is by then. They end with a time in nanoseconds, so no other file has them in the same place.
 */
export type LogMark = { readonly position: number; readonly before: string };

const longestBefore = 96;

/** @param block whole lines that end at the position */
export function markBehind(block: Uint8Array, position: number): LogMark {
  return { position, before: Buffer.from(block.subarray(-longestBefore)).toString('latin1') };
}

/** Where reading goes on. @returns undefined when no file has the mark: what it marked was rotated away */
export async function findMark(files: readonly LogFile[], mark: LogMark): Promise<LogPosition | undefined> {
  const wanted = Buffer.from(mark.before, 'latin1');
  const found = Buffer.alloc(wanted.length);
  for (const [index, file] of [...files.entries()].reverse()) {
    if (mark.position < wanted.length) return undefined;
    const bytes = await file.read(found, mark.position - wanted.length);
    if (bytes === wanted.length && found.equals(wanted)) return { index, position: mark.position };
  }
  return undefined;
}
