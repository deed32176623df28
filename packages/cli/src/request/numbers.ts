import { parseSize } from '@gantry/base';

/** Reads bytes as flags write them, `64m`. @throws Error in Docker's words */
export function parseBytes(text: string): number {
  const suffix = /^\d[\d.]*\s*(\D*)$/.exec(text)?.[1];
  if (suffix !== undefined && !/^([kmgtp]?i?b?)$/i.test(suffix)) throw new Error(`invalid suffix: '${suffix}'`);
  return parseSize(text);
}

/** As `parseBytes`; zero and absent are the same. */
export function bytesOf(text: string | undefined): number {
  return text === undefined ? 0 : parseBytes(text);
}

/** As `bytesOf`, with -1 for "unlimited". */
export function swapBytesOf(text: string | undefined): number {
  return text === '-1' ? -1 : bytesOf(text);
}

/** Checks an unsigned number of so many bits, in the words of Go's strconv. */
export function checkUnsigned(bits: 16 | 64): (text: string) => void {
  return (text) => {
    const why = `strconv.ParseUint: parsing ${JSON.stringify(text)}`;
    if (!/^\+?\d+$/.test(text)) throw new Error(`${why}: invalid syntax`);
    if (BigInt(text) >= 1n << BigInt(bits)) throw new Error(`${why}: value out of range`);
  };
}

/**
 * Reads `--cpus`, a decimal or a fraction such as `1/3`, as billionths of a processor.
 *
 * @throws Error in Docker's words
 */
export function parseNanoCpus(text: string): number {
  const fraction = /^([+-]?\d+)\/(\d+)$/.exec(text);
  if (fraction !== null) {
    const nanos = (BigInt(fraction[1] ?? 0) * 1_000_000_000n) / BigInt(fraction[2] ?? 1);
    if (nanos * BigInt(fraction[2] ?? 1) !== BigInt(fraction[1] ?? 0) * 1_000_000_000n)
      throw new Error('value is too precise');
    return Number(nanos);
  }
  const decimal = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text);
  if (decimal === null || `${decimal[2]}${decimal[3] ?? ''}` === '') {
    throw new Error(`failed to parse ${text} as a rational number`);
  }
  const digits = (decimal[3] ?? '').replace(/0+$/, '');
  if (digits.length > 9) throw new Error('value is too precise');
  const nanos = Number(decimal[2] || 0) * 1e9 + Number(digits.padEnd(9, '0'));
  return decimal[1] === '-' ? -nanos : nanos;
}

const unitNanos: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/**
 * Reads a duration as Go writes it, `1h2m3.5s`, in nanoseconds.
 *
 * @throws Error in the words of Go's time package
 */
export function parseGoDuration(text: string): number {
  const match = /^([+-]?)(.*)$/s.exec(text);
  const body = match?.[2] ?? '';
  if (body === '0') return 0;
  if (!/^(?:\d+\.?\d*|\.\d+)/.test(body)) throw new Error(`time: invalid duration ${JSON.stringify(text)}`);
  let nanos = 0;
  let rest = body;
  while (rest !== '') {
    const part = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest);
    if (part === null) throw new Error(`time: invalid duration ${JSON.stringify(text)}`);
    const unit = part[2] ?? '';
    if (unit === '') throw new Error(`time: missing unit in duration ${JSON.stringify(text)}`);
    const factor = unitNanos[unit];
    if (factor === undefined)
      throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`);
    nanos += Number(part[1]) * factor;
    rest = rest.slice(part[0].length);
  }
  return Math.round(match?.[1] === '-' ? -nanos : nanos);
}
