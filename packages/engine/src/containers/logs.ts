import type { LogOptions } from '../engine.ts';
import { type LogChanges, watchLog } from './log-changes.ts';
import { type LogFile, openLogFile, openLogFiles } from './log-files.ts';
import { createLineFormatter, type LineFormatter } from './log-lines.ts';
import { findTail, type LogPosition } from './log-tail.ts';

export type LogSource = {
  /** The newest file; older ones are `path.1`, … */
  readonly path: string;
  /** The process had a terminal: plain bytes instead of frames. */
  readonly terminal: boolean;
  /** What `--details` shows before each line; none when absent. */
  readonly details?: string;
};

/** For following: when the writer has ended, and when the reader is no longer wanted. */
export type LogFollow = { readonly ended: Promise<unknown>; readonly signal: AbortSignal };

const newline = 0x0a;
/** How much is read at once: large enough that system calls cost nothing, small enough for a slow client. */
const blockBytes = 512 * 1024;
const smallBlockBytes = 16 * 1024;
/** No writer makes longer lines; what has no newline in so many bytes is no log. */
const longestLineBytes = 2 * 1024 * 1024;

/**
 * Reads a log as Docker's clients get it. The consumer's pace is the reader's: nothing is read ahead of it.
 *
 * Following goes on across rotations without a gap, until the writer has ended and everything is told. A missing log
 * reads as empty.
 */
export async function* readLogs(
  source: LogSource,
  options: LogOptions,
  follow?: LogFollow,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using stack = new AsyncDisposableStack();
  const signal = follow?.signal ?? new AbortController().signal;
  // Watched before the first look, so that nothing falls between the two.
  const live = options.follow && follow !== undefined ? follow : undefined;
  const changes = live === undefined ? undefined : stack.use(watchLog(source.path, live.ended, signal));
  const files = await openLogFiles(source.path);
  for (const file of files) stack.use(file);

  const formatter = createLineFormatter({ ...options, ...source, details: detailsOf(source, options) });
  const cursor = stack.use(createCursor(formatter));
  const start: LogPosition =
    options.tail === undefined ? { index: 0, position: 0 } : await findTail(files, options.tail);
  const last = files.at(-1);
  for (const [offset, file] of files.slice(start.index).entries()) {
    await cursor.enter(file, offset === 0 ? start.position : 0);
    yield* cursor.drain(signal, { isLast: file === last && live === undefined });
    if (cursor.isOver || signal.aborted) return;
  }
  if (changes === undefined) return;
  yield* followLog({ source, cursor, changes, signal });
}

function detailsOf(source: LogSource, options: LogOptions): string | undefined {
  return options.details ? (source.details ?? '') : undefined;
}

type Following = {
  readonly source: LogSource;
  readonly cursor: Cursor;
  readonly changes: LogChanges;
  readonly signal: AbortSignal;
};

async function* followLog(given: Following): AsyncGenerator<Uint8Array, void, undefined> {
  const { source, cursor, changes, signal } = given;
  while (!signal.aborted && !cursor.isOver) {
    const changed = changes.next();
    const wasEnded = changes.isEnded;
    yield* cursor.drain(signal, { isLast: wasEnded });
    await using begun = new AsyncDisposableStack();
    const files = await newerFiles(source.path, cursor.inode);
    for (const file of files) begun.use(file);
    for (const file of files) {
      // What was written between the last read and the rotation.
      yield* cursor.drain(signal, { isLast: true });
      await cursor.enter(file, 0);
      yield* cursor.drain(signal, { isLast: wasEnded });
    }
    begun.move(); // the cursor has closed all but the last, which is its own now
    if (wasEnded) return;
    await changed;
  }
}

/** The files that were begun after the one of this inode, oldest first; all of them when it is gone. */
async function newerFiles(path: string, inode: number | undefined): Promise<readonly LogFile[]> {
  const newest = await openLogFile(path);
  const isCurrent = newest?.inode === inode;
  await newest?.[Symbol.asyncDispose]();
  if (isCurrent) return [];
  const files = await openLogFiles(path);
  const known = files.findIndex((file) => file.inode === inode);
  for (const file of files.slice(0, known + 1)) await file[Symbol.asyncDispose]();
  return files.slice(known + 1);
}

/** A place in the log, and the file it is in. */
type Cursor = AsyncDisposable & {
  readonly inode: number | undefined;
  /** A line beyond `until` was met. */
  readonly isOver: boolean;
  /** Goes on in another file and closes the one before. */
  enter(file: LogFile, position: number): Promise<void>;
  /** Yields all whole lines up to the end of the file; with `isLast` also one that lacks its newline. */
  drain(signal: AbortSignal, options: { readonly isLast: boolean }): AsyncGenerator<Uint8Array, void, undefined>;
};

function createCursor(formatter: LineFormatter): Cursor {
  let file: LogFile | undefined;
  let position = 0;
  let isOver = false;
  // The beginning of a line whose rest is not there yet.
  let torn: Buffer = Buffer.alloc(0);

  let wantBytes = blockBytes;

  const format = (block: Buffer, end: number): readonly Uint8Array[] => {
    const formatted = formatter.format(block, 0, end);
    isOver = formatted.isOver;
    return formatted.chunks.filter((chunk) => chunk.length > 0);
  };
  /** Reads on from the position, behind the beginning of a line that is there already. */
  const fetch = async (from: LogFile): Promise<{ block: Buffer; bytes: number }> => {
    const head = torn.length;
    const block = Buffer.allocUnsafe(head + wantBytes);
    torn.copy(block);
    const bytes = await from.read(block.subarray(head), position);
    return { block: block.subarray(0, head + bytes), bytes };
  };
  const startOver = (at: number): void => {
    position = at;
    torn = Buffer.alloc(0);
  };

  return {
    get inode() {
      return file?.inode;
    },
    get isOver() {
      return isOver;
    },
    enter: async (next, from) => {
      await file?.[Symbol.asyncDispose]();
      file = next;
      wantBytes = blockBytes;
      startOver(from);
    },
    drain: async function* (signal, { isLast }) {
      const from = file;
      for (let next = from && fetch(from); from !== undefined && !isOver && !signal.aborted; ) {
        const { block, bytes } = (await next) ?? { block: Buffer.alloc(0), bytes: 0 };
        if (bytes === 0) {
          if ((await from.size()) >= position) break;
          // A writer with one file only starts it over.
          startOver(0);
          next = fetch(from);
          continue;
        }
        position += bytes;
        // Who follows a quiet log gets a few lines at a time and needs no large buffer for them.
        wantBytes = bytes === wantBytes ? blockBytes : smallBlockBytes;
        const end = block.lastIndexOf(newline) + 1;
        const rest = block.length - end;
        torn = rest > longestLineBytes ? Buffer.alloc(0) : Buffer.from(block.subarray(end));
        // The next block is read while this one is formatted and sent; should nobody want it, its failure is nobody's.
        next = fetch(from);
        next.catch(() => undefined);
        yield* format(block, end);
      }
      if (!isLast || torn.length === 0 || isOver) return;
      const line = Buffer.concat([torn, Buffer.from('\n')]);
      torn = Buffer.alloc(0);
      yield* format(line, line.length);
    },
    [Symbol.asyncDispose]: async () => {
      await file?.[Symbol.asyncDispose]();
    },
  };
}
