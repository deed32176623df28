/** A time as Go prints it, `2026-11-20 23:24:29 +0000 UTC`, in the local zone. */
export function goTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  return `${day} ${clock} ${zone} ${zoneName(date, offset)}`;
}

/** A time as Go prints one that came with its own zone, such as a network's `Created`. */
export function goTimeOf(wire: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)$/.exec(wire);
  if (match === null) return wire;
  const zone = match[3] === 'Z' ? '+0000 UTC' : `${match[3]?.replace(':', '')} ${match[3]?.replace(':', '')}`;
  return `${match[1]} ${match[2]?.replace(/\.?0+$/, (zeros) => (zeros.startsWith('.') ? '' : zeros))} ${zone}`;
}

function zoneName(date: Date, offset: number): string {
  if (offset === 0) return 'UTC';
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
}
