import { EngineError, parseDuration } from '@gantry/base';

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
