import { CliError } from '../cli-error.ts';
import { parseGoDuration } from './numbers.ts';

/**
 * Reads a moment of `--since` or `--until`: a span before now (`42m`, `30d`, `1d12h`), Unix seconds, or a date in RFC 3339, whole
 * or cut short after any part, local where it names no zone.
 *
 * Docker differs: it knows no days, and refuses them.
 *
 * @returns Unix nanoseconds
 */
export function parseMoment(text: string, nowMs: number): bigint {
  const seconds = /^(-?\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (seconds !== null) return BigInt(seconds[1] ?? 0) * 1_000_000_000n + BigInt((seconds[2] ?? '').padEnd(9, '0'));
  const date = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (date !== null) return dateNanos(date);
  try {
    return BigInt(nowMs) * 1_000_000n - spanNanos(text);
  } catch {
    throw new CliError(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  }
}

const nanosPerDay = 86_400_000_000_000n;

function spanNanos(text: string): bigint {
  const [, days, rest = ''] = /^(\d{1,5})d(.*)$/.exec(text) ?? [];
  if (days === undefined) return BigInt(parseGoDuration(text));
  return BigInt(days) * nanosPerDay + BigInt(rest === '' ? 0 : parseGoDuration(rest));
}

function dateNanos(date: RegExpExecArray): bigint {
  const [, day, hours = '00', minutes = '00', seconds = '00', fraction = '', zone = ''] = date;
  const milliseconds = Date.parse(`${day}T${hours}:${minutes}:${seconds}${zone}`);
  if (Number.isNaN(milliseconds))
    throw new CliError(`failed to parse value as time or duration: ${JSON.stringify(date[0])}`);
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
