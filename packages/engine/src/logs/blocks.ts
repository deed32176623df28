import { type LogChanges, watchLog } from './changes.ts';
import { type LogFile, openLogFile, openLogFiles } from './files.ts';
import type { LogPosition } from './tail.ts';

/** For following: when the writer has ended, and when the reader is no longer wanted. */
export type LogFollow = { readonly ended: Promise<unknown>; readonly signal: AbortSignal };

/** Whole lines of a log, in its own bytes, which are the reader's to keep or change. */
export type LogBlock = {
  readonly bytes: Buffer;
  /** Where the next line begins in the file that these are from. */
  readonly position: number;
};

export type BlockRequest = {
  /** The newest file; older ones are `path.1`, … */
  readonly path: string;
  /** Finds where to begin among the files, oldest first. */
  readonly start: (files: readonly LogFile[]) => Promise<LogPosition>;
  readonly signal: AbortSignal;
  /** Goes on until it settles and all is told; undefined: what is there now is all. */
  readonly ended: Promise<unknown> | undefined;
};

const newline = 0x0a;
/** How much is read at once: large enough that system calls cost nothing, small enough for a slow client. */
const blockBytes = 512 * 1024;
const smallBlockBytes = 16 * 1024;
/** No writer makes longer lines; what has no newline in so many bytes is no log. */
const longestLineBytes = 2 * 1024 * 1024;

/**
 * Reads the lines of a log in large blocks. The consumer's pace is the reader's: one block is read ahead of it.
 *
 * Following goes on across rotations without a gap, until the writer has ended and everything is told. A missing log
 * reads as empty.
 */
export async function* readBlocks(request: BlockRequest): AsyncGenerator<LogBlock, void, undefined> {
  const { path, start, signal, ended } = request;
  using stack = new DisposableStack();
  // Watched before the first look, so that nothing falls between the two.
  const changes = ended === undefined ? undefined : stack.use(watchLog(path, ended, signal));
  const files = openLogFiles(path);
  for (const file of files) stack.use(file);

  const cursor = stack.use(createCursor());
  const from = await start(files);
  const last = files.at(-1);
  for (const [offset, file] of files.slice(from.index).entries()) {
    cursor.enter(file, offset === 0 ? from.position : 0);
    yield* cursor.drain(signal, { isLast: file !== last || changes === undefined });
    if (signal.aborted) return;
  }
  if (changes !== undefined) yield* followBlocks({ path, cursor, changes, signal });
}

type Following = {
  readonly path: string;
  readonly cursor: Cursor;
  readonly changes: LogChanges;
  readonly signal: AbortSignal;
};

async function* followBlocks({ path, cursor, changes, signal }: Following): AsyncGenerator<LogBlock, void, undefined> {
  while (!signal.aborted) {
    const changed = changes.next();
    const wasEnded = changes.isEnded;
    yield* cursor.drain(signal, { isLast: wasEnded });
    using begun = new DisposableStack();
    const files = newerFiles(path, cursor.inode);
    for (const file of files) begun.use(file);
    for (const file of files) {
      // What was written between the last read and the rotation.
      yield* cursor.drain(signal, { isLast: true });
      cursor.enter(file, 0);
      yield* cursor.drain(signal, { isLast: wasEnded });
    }
    begun.move(); // the cursor has closed all but the last, which is its own now
    if (wasEnded) return;
    await changed;
  }
}

/** The files that were begun after the one of this inode, oldest first; all of them when it is gone. */
function newerFiles(path: string, inode: number | undefined): readonly LogFile[] {
  const newest = openLogFile(path);
  const isCurrent = newest?.inode === inode;
  newest?.[Symbol.dispose]();
  if (isCurrent) return [];
  const files = openLogFiles(path);
  const known = files.findIndex((file) => file.inode === inode);
  for (const file of files.slice(0, known + 1)) file[Symbol.dispose]();
  return files.slice(known + 1);
}

/** A place in the log, and the file it is in. */
type Cursor = Disposable & {
  readonly inode: number | undefined;
  /** Goes on in another file and closes the one before. */
  enter(file: LogFile, position: number): void;
  /** Yields all whole lines up to the end of the file; with `isLast` also one that lacks its newline. */
  drain(signal: AbortSignal, options: { readonly isLast: boolean }): AsyncGenerator<LogBlock, void, undefined>;
};

function createCursor(): Cursor {
  let file: LogFile | undefined;
  let position = 0;
  // The beginning of a line whose rest is not there yet.
  let torn: Buffer = Buffer.alloc(0);
  let wantBytes = blockBytes;

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
    enter: (next, from) => {
      file?.[Symbol.dispose]();
      file = next;
      wantBytes = blockBytes;
      startOver(from);
    },
    drain: async function* (signal, { isLast }) {
      const from = file;
      for (let next = from && fetch(from); from !== undefined && !signal.aborted; ) {
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
        const place = position - rest;
        // The next block is read while this one is used; should nobody want it, its failure is nobody's.
        next = fetch(from);
        next.catch(() => undefined);
        if (end > 0) yield { bytes: block.subarray(0, end), position: place };
      }
      if (!isLast || torn.length === 0) return;
      const line = Buffer.concat([torn, Buffer.from('\n')]);
      torn = Buffer.alloc(0);
      yield { bytes: line, position };
    },
    [Symbol.dispose]: () => {
      file?.[Symbol.dispose]();
    },
  };
}
