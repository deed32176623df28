import { formatId } from '@gantry/base';
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
          const entry = parseLine(line);
          if (entry === undefined) return [];
          const isWhole = entry.text.endsWith('\n');
          return {
            ...entry,
            text: isWhole ? entry.text.slice(0, -1) : entry.text,
            piece: pieceOf(entry.stream, isWhole),
          };
        }),
  };
}

/** @returns undefined for what is no line of a log: a crash may tear one */
function parseLine(line: string): Omit<LogEntry, 'piece'> | undefined {
  if (line === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { log, stream, time } = value as Record<string, unknown>;
  if (typeof log !== 'string' || typeof time !== 'string') return undefined;
  return { text: log, stream: stream === 'stderr' ? 'stderr' : 'stdout', time };
}
