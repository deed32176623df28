import { formatId } from '@gantry/base';
import { parseLine } from './parse-line.ts';
import type { LogEntry } from './types.ts';

/** Makes entries of a log's own lines, and numbers the pieces of long ones. */
export type EntryParser = { parse(block: Buffer): LogEntry[] };

type Open = { readonly id: string; ordinal: number };

export function createEntryParser(random: (bytes: number) => Uint8Array): EntryParser {
  const open = new Map<string, Open>();
  const pieceOf = (stream: string, isWhole: boolean): LogEntry['piece'] => {
    const begun = open.get(stream);
    if (begun === undefined && isWhole) return undefined;
    const piece = begun ?? { id: formatId(random(32)), ordinal: 0 };
    piece.ordinal++;
    if (isWhole) open.delete(stream);
    else open.set(stream, piece);
    return { id: piece.id, ordinal: piece.ordinal, isLast: isWhole };
  };
  return {
    parse: (block) =>
      block
        .toString('utf8')
        .split('\n')
        .flatMap((line) => {
          const parsed = line === '' ? undefined : parseLine(line);
          if (parsed === undefined) return [];
          const { text, time } = parsed;
          const stream = parsed.stream === 'stderr' ? 'stderr' : 'stdout';
          const isWhole = text.endsWith('\n');
          return { stream, time, text: isWhole ? text.slice(0, -1) : text, piece: pieceOf(stream, isWhole) };
        }),
  };
}
