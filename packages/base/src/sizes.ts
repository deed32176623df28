import { EngineError } from './errors.ts';

const binaryUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
};

/**
 * Parses a size as Docker's flags and options write it: `64m`, `1.5GiB`, `512`, `10 MB`; units are powers of 1024.
 *
 * @returns whole bytes
 * @throws invalid
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgtp]?)(?:i?b)?$/i.exec(text.trim());
  const unit = binaryUnits[match?.[2]?.toLowerCase() ?? ''];
  if (match?.[1] === undefined || unit === undefined) throw new EngineError('invalid', `invalid size: '${text}'`);
  return Math.floor(Number(match[1]) * unit);
}

type Scale = { readonly base: number; readonly suffixes: readonly string[] };
const decimalScale: Scale = { base: 1000, suffixes: ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] };
const binaryScale: Scale = { base: 1024, suffixes: ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] };

/** Formats bytes with powers of 1000 and `digits` significant digits, as `docker images` does: `4.26MB`. */
export function formatSize(sizeBytes: number, digits = 4): string {
  return scaled(sizeBytes, decimalScale, digits);
}

/** Formats bytes with powers of 1024 and four significant digits, as `docker stats` does: `1.5GiB`. */
export function formatBinarySize(sizeBytes: number): string {
  return scaled(sizeBytes, binaryScale, 4);
}

function scaled(sizeBytes: number, { base, suffixes }: Scale, digits: number): string {
  let value = sizeBytes;
  let unit = 0;
  while (value >= base && unit < suffixes.length - 1) {
    value /= base;
    unit++;
  }
  return `${Number(value.toPrecision(digits))}${suffixes[unit]}`;
}
