import { EngineError } from '@gantry/base';
import { bytesToString, rawToString } from '../byte-string.ts';

export const blockBytes = 512;

/** One 512-byte header as it stands, before long names and pax records are laid over it. */
export type RawHeader = {
  readonly type: string;
  readonly path: string;
  readonly linkPath: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly modifiedSeconds: number;
  readonly major: number;
  readonly minor: number;
};

/** An archive that is not what it should be. `why` completes "cannot read archive: ". */
export function badArchive(why: string): EngineError {
  return new EngineError('invalid', `cannot read archive: ${why}`);
}

/** Tells whether a block is all zero: two of them end an archive. */
export function isZeroBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/**
 * Parses a header of any of the old formats: v7, ustar and GNU.
 *
 * Spec: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
 * @throws invalid: checksum or a number is wrong
 */
export function parseHeader(block: Uint8Array): RawHeader {
  checkSum(block);
  const magic = rawToString(block, 257, 265);
  const isPosix = magic.startsWith('ustar\0');
  const hasDevices = isPosix || magic === 'ustar  \0';
  const name = bytesToString(block, 0, 100);
  // GNU's magic has times where POSIX has the prefix of a long path.
  const prefix = isPosix ? bytesToString(block, 345, 500) : '';
  return {
    type: block[156] === 0 ? '0' : rawToString(block, 156, 157),
    path: prefix === '' ? name : `${prefix}/${name}`,
    linkPath: bytesToString(block, 157, 257),
    mode: parseNumber(block, 100, 8) & 0o7777,
    uid: parseNumber(block, 108, 8),
    gid: parseNumber(block, 116, 8),
    sizeBytes: parseNumber(block, 124, 12),
    modifiedSeconds: parseNumber(block, 136, 12),
    major: hasDevices ? parseNumber(block, 329, 8) : 0,
    minor: hasDevices ? parseNumber(block, 337, 8) : 0,
  };
}

/** Sums as unsigned bytes, and as signed ones because some old writers did. */
function checkSum(block: Uint8Array): void {
  let unsigned = 0;
  let high = 0;
  for (let i = 0; i < blockBytes; i++) {
    // The checksum's own field counts as spaces.
    const byte = i >= 148 && i < 156 ? 0x20 : (block[i] ?? 0);
    unsigned += byte;
    high += byte >> 7;
  }
  const signed = unsigned - 256 * high;
  const stated = Number.parseInt(bytesToString(block, 148, 156).trim(), 8);
  if (stated !== unsigned && stated !== signed) throw badArchive('the checksum of a header is wrong, so it is no tar');
}

/** Parses octal digits, or GNU's base-256 form of numbers that octal has no room for. */
export function parseNumber(block: Uint8Array, start: number, length: number): number {
  const first = block[start] ?? 0;
  if ((first & 0x80) !== 0) return parseBase256(block.subarray(start, start + length));
  return parseOctal(block, start, start + length);
}

/** Spaces and NULs before the digits are skipped, one after them ends the number. By bytes: six numbers for each entry. */
function parseOctal(block: Uint8Array, start: number, end: number): number {
  let value = 0;
  let seen = false;
  for (let i = start; i < end; i++) {
    const byte = block[i] ?? 0;
    const isDigit = byte >= 0x30 && byte <= 0x37;
    if (isDigit) value = value * 8 + byte - 0x30;
    else if (byte !== 0 && byte !== 0x20) throw badArchive('a number in a header is not octal');
    else if (seen) break;
    seen ||= isDigit;
  }
  return value;
}

function parseBase256(bytes: Uint8Array): number {
  const isNegative = ((bytes[0] ?? 0) & 0x40) !== 0;
  let value = BigInt((bytes[0] ?? 0) & 0x3f) - (isNegative ? 64n : 0n);
  for (const byte of bytes.subarray(1)) value = value * 256n + BigInt(byte);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw badArchive('a number in a header is too large');
  return number;
}
