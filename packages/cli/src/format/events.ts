import type { EventWire } from '@gantry/api';

/** One line of `events`: time, type, what happened, to whom, and what is known of it. */
export function formatEvent(event: EventWire): string {
  const attributes = Object.entries(event.Actor.Attributes ?? {})
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const known = attributes.length === 0 ? '' : ` (${attributes.join(', ')})`;
  return `${localTime(event)} ${event.Type} ${event.Action} ${event.Actor.ID}${known}`;
}

/** RFC 3339 with nine digits, in the local zone. */
function localTime({ time, timeNano }: EventWire): string {
  const nanos = BigInt(timeNano ?? 0) || BigInt(time ?? 0) * 1_000_000_000n;
  const date = new Date(Number(nanos / 1_000_000n));
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const fraction = String(nanos % 1_000_000_000n).padStart(9, '0');
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const zone = offset === 0 ? 'Z' : `${sign}${two(Math.trunc(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return `${day}T${clock}.${fraction}${zone}`;
}
