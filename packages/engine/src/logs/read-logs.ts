import type { LogOptions } from '../engine.ts';
import { type LogFollow, readBlocks } from './blocks.ts';
import { createLineFormatter } from './lines.ts';
import { findTail } from './tail.ts';

export type LogSource = {
  /** The newest file; older ones are `path.1`, … */
  readonly path: string;
  /** The process had a terminal: plain bytes instead of frames. */
  readonly terminal: boolean;
  /** What `--details` shows before each line; none when absent. */
  readonly details?: string;
};

/** Reads a log as Docker's clients get it: frames for each line, or plain bytes of a terminal. */
export async function* readLogs(
  source: LogSource,
  options: LogOptions,
  follow?: LogFollow,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { tail } = options;
  const details = options.details ? (source.details ?? '') : undefined;
  const formatter = createLineFormatter({ ...options, ...source, details });
  const blocks = readBlocks({
    path: source.path,
    start: async (files) => (tail === undefined ? { index: 0, position: 0 } : await findTail(files, tail)),
    signal: follow?.signal ?? new AbortController().signal,
    ended: options.follow ? follow?.ended : undefined,
  });
  for await (const { bytes } of blocks) {
    const { chunks, isOver } = formatter.format(bytes, 0, bytes.length);
    for (const chunk of chunks) if (chunk.length > 0) yield chunk;
    if (isOver) return;
  }
}
