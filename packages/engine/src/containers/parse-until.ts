import { EngineError } from '@gantry/base';

const unitMs: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/**
 * Parses a moment as Docker's `until` filters take it: a duration before now (`24h`, `1h30m`), Unix seconds, or an RFC
 * 3339 time, whose parts may be missing from the end.
 *
 * @throws invalid
 */
export function parseUntil(text: string, now: Date): Date {
  const duration = parseDuration(text);
  if (duration !== undefined) return new Date(now.getTime() - duration);
  if (/^-?\d{1,11}(\.\d+)?$/.test(text)) return new Date(Number(text) * 1000);
  // Without a zone Docker takes the daemon's local time; a date alone would be UTC to JavaScript.
  const match = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?))?(Z|[+-]\d{2}:\d{2})?$/.exec(text);
  const [, day = '', clock = '00:00:00', zone = ''] = match ?? [];
  const full = clock.length === 2 ? `${clock}:00` : clock;
  const time = match === null ? Number.NaN : new Date(`${day}T${full}${zone}`).getTime();
  if (Number.isNaN(time))
    throw new EngineError(
      'invalid',
      `cannot parse "${text}" as a moment: it is no duration, Unix time or RFC 3339 time`,
      {
        hint: 'for example 24h, 1700000000 or 2026-01-31T12:00:00Z',
      },
    );
  return new Date(time);
}

/** Go's duration grammar. @returns milliseconds; undefined when it is none */
function parseDuration(text: string): number | undefined {
  if (!/^[+-]?(\d+(\.\d*)?(h|ms|m|s|us|µs|ns))+$/.test(text)) return undefined;
  const sign = text.startsWith('-') ? -1 : 1;
  let total = 0;
  for (const match of text.matchAll(/(\d+(?:\.\d*)?)(h|ms|m|s|us|µs|ns)/g))
    total += Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0);
  return sign * total;
}
