import type { Timespec } from '@gantry/native';
import { rawToString, stringToBytes } from '../byte-string.ts';
import { badArchive } from './header.ts';
import type { SparseRange } from './sparse.ts';

/** What extended records say about the next entry. */
export type PaxRecords = {
  readonly values: ReadonlyMap<string, string>;
  /** GNU sparse 0.0 repeats its two keys, so they cannot live in the map. */
  readonly sparse: readonly SparseRange[];
};

const maximumSparseRanges = 1 << 16;

/**
 * Parses `length key=value\n` records into byte strings.
 *
 * Spec: POSIX.1-2017 pax, "pax Extended Header".
 * @throws invalid
 */
export function parsePax(bytes: Uint8Array): PaxRecords {
  const values = new Map<string, string>();
  const sparse: SparseRange[] = [];
  let sparseOffset = 0;
  for (let at = 0; at < bytes.length; ) {
    const { key, value, next } = parseRecord(bytes, at);
    at = next;
    if (key === 'GNU.sparse.offset') sparseOffset = parseDecimal(value);
    else if (key === 'GNU.sparse.numbytes') sparse.push({ offset: sparseOffset, sizeBytes: parseDecimal(value) });
    else values.set(key, value);
    if (sparse.length > maximumSparseRanges) throw badArchive('a file has too many holes');
  }
  const map = values.get('GNU.sparse.map');
  return { values, sparse: map === undefined ? sparse : parseSparseMap(map) };
}

function parseRecord(bytes: Uint8Array, at: number): { key: string; value: string; next: number } {
  const space = bytes.indexOf(0x20, at);
  const digits = space === -1 || space - at > 10 ? '' : rawToString(bytes, at, space);
  const next = at + (/^[1-9][0-9]*$/.test(digits) ? Number(digits) : Number.NaN);
  const equals = bytes.indexOf(0x3d, space);
  if (!(next <= bytes.length) || bytes[next - 1] !== 0x0a || equals === -1 || equals >= next) {
    throw badArchive('an extended header is malformed');
  }
  const key = rawToString(bytes, space + 1, equals);
  const value = rawToString(bytes, equals + 1, next - 1);
  const mayHoldNul = key.startsWith(xattrPrefix);
  if (key === '' || key.includes('\0') || (!mayHoldNul && value.includes('\0'))) {
    throw badArchive('an extended header holds a NUL');
  }
  return { key, value, next };
}

/** GNU sparse 0.1: `offset,size,offset,size…`. */
function parseSparseMap(text: string): SparseRange[] {
  const numbers = text === '' ? [] : text.split(',', 2 * maximumSparseRanges + 2).map(parseDecimal);
  if (numbers.length % 2 !== 0 || numbers.length > 2 * maximumSparseRanges)
    throw badArchive('a map of holes is malformed');
  return Array.from({ length: numbers.length / 2 }, (_, i) => ({
    offset: numbers[2 * i] ?? 0,
    sizeBytes: numbers[2 * i + 1] ?? 0,
  }));
}

/** Parses a whole number that is not negative. @throws invalid */
export function parseDecimal(text: string): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw badArchive(`"${text.slice(0, 32)}" is not a number`);
  return value;
}

/** Parses a time such as `1700000000.123456789`, or one before 1970. @throws invalid */
export function parsePaxTime(text: string): Timespec {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(text);
  if (match === null) throw badArchive(`"${text.slice(0, 32)}" is not a time`);
  const seconds = Number(match[2]);
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (match[1] === '') return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: -seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

const xattrPrefix = 'SCHILY.xattr.';

/** The extended attributes among the records: names as text, values as bytes. */
export function xattrsOf(values: ReadonlyMap<string, string>): ReadonlyMap<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (const [key, value] of values) {
    if (key.startsWith(xattrPrefix)) xattrs.set(key.slice(xattrPrefix.length), stringToBytes(value));
  }
  return xattrs;
}
