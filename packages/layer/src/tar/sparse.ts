import { badArchive, blockBytes, parseNumber } from './header.ts';

/** A stretch of real bytes of a file with holes. */
export type SparseRange = { readonly offset: number; readonly sizeBytes: number };

const maximumRanges = 1 << 16;

/**
 * Checks that ranges ascend without overlap, end inside the file, and together hold exactly the bytes that follow.
 *
 * @throws invalid
 */
export function checkSparse(ranges: readonly SparseRange[], fileBytes: number, storedBytes: number): void {
  if (ranges.length > maximumRanges) throw badArchive('a file has too many holes');
  let end = 0;
  let total = 0;
  for (const { offset, sizeBytes } of ranges) {
    if (offset < end || offset + sizeBytes > fileBytes) throw badArchive('a map of holes is out of order');
    end = offset + sizeBytes;
    total += sizeBytes;
  }
  if (total !== storedBytes) throw badArchive('a map of holes does not fit its data');
}

/** Reads the ranges of GNU's old format: four in the header, 21 in each block that follows while its flag says so. */
export function parseOldSparse(
  block: Uint8Array,
  kind: 'header' | 'extension',
): { ranges: SparseRange[]; more: boolean } {
  const start = kind === 'header' ? 386 : 0;
  const count = kind === 'header' ? 4 : 21;
  const ranges: SparseRange[] = [];
  for (let at = start; at < start + count * 24; at += 24) {
    if ((block[at] ?? 0) === 0) break;
    ranges.push({ offset: parseNumber(block, at, 12), sizeBytes: parseNumber(block, at + 12, 12) });
  }
  return { ranges, more: (block[start + count * 24] ?? 0) !== 0 };
}

/** The size with holes, in GNU's old sparse header. */
export function oldSparseSize(block: Uint8Array): number {
  return parseNumber(block, 483, 12);
}

/**
 * Reads GNU sparse 1.0, whose map is decimal lines before the data, padded to whole blocks: a count, then offset and
 * size by turns.
 */
export class SparseMapReader {
  readonly #ranges: SparseRange[] = [];
  #digits = '';
  #count = -1;
  #offset = -1;

  /** @returns the ranges once the map is whole */
  push(block: Uint8Array): readonly SparseRange[] | undefined {
    for (let i = 0; i < blockBytes; i++) {
      const byte = block[i] ?? 0;
      if (byte !== 0x0a) {
        if (byte < 0x30 || byte > 0x39 || this.#digits.length >= 16) throw badArchive('a map of holes is malformed');
        this.#digits += String.fromCharCode(byte);
      } else {
        this.#take(Number(this.#digits === '' ? Number.NaN : this.#digits));
        this.#digits = '';
        if (this.#ranges.length === this.#count) return this.#ranges;
      }
    }
    return undefined;
  }

  #take(value: number): void {
    if (!Number.isSafeInteger(value)) throw badArchive('a map of holes is malformed');
    if (this.#count === -1) {
      if (value > maximumRanges) throw badArchive('a file has too many holes');
      this.#count = value;
    } else if (this.#offset === -1) this.#offset = value;
    else {
      this.#ranges.push({ offset: this.#offset, sizeBytes: value });
      this.#offset = -1;
    }
  }
}
