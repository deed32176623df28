import { stringToBytes } from '../byte-string.ts';
import type { TarEntry } from './entry.ts';
import { blockBytes } from './header.ts';
import type { SparseRange } from './sparse.ts';
import { concatenate, formatHeaderWith, paddingAfter } from './writer.ts';

/** As many as our own reader takes. */
export const maximumStoredRanges = 1 << 16;

/**
 * Formats the header of a file with holes and the map of its data that stands before the data.
 *
 * Spec: GNU tar manual, "Storing Sparse Files", PAX format version 1.0, which Go's reader takes too.
 * @returns the bytes, and how many follow the header in all, map included: what has to be padded to whole blocks
 */
export function formatSparseHeader(
  entry: TarEntry,
  ranges: readonly SparseRange[],
): { readonly bytes: Uint8Array; readonly storedBytes: number } {
  const lines = [ranges.length, ...ranges.flatMap(({ offset, sizeBytes }) => [offset, sizeBytes])];
  const map = stringToBytes(lines.map((number) => `${number}\n`).join(''));
  const mapBytes = Math.ceil(map.length / blockBytes) * blockBytes;
  const dataBytes = ranges.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const storedBytes = mapBytes + dataBytes;
  const records = {
    'GNU.sparse.major': '1',
    'GNU.sparse.minor': '0',
    'GNU.sparse.name': entry.path,
    'GNU.sparse.realsize': String(entry.sizeBytes),
  };
  const header = formatHeaderWith({ ...entry, sizeBytes: storedBytes }, records);
  return { bytes: concatenate([header, map, paddingAfter(map.length)]), storedBytes };
}
