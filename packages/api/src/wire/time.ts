/** Go's zero time, which Docker prints for a moment that never came. */
export const zeroTime = '0001-01-01T00:00:00Z';

/** Prints a moment as Go's RFC3339Nano does: UTC, without trailing zeros in the fraction. */
export function formatTime(moment: Date | undefined): string {
  if (moment === undefined) return zeroTime;
  return moment.toISOString().replace(/\.?0*Z$/, 'Z');
}

/** Reads a moment of a document; Go's zero time is undefined. */
export function parseTime(wire: string): Date | undefined {
  const moment = new Date(wire.replace(/(\.\d{3})\d+/, '$1'));
  return wire.startsWith('0001-') || Number.isNaN(moment.getTime()) ? undefined : moment;
}

/** Whole seconds since 1970, as lists show moments; Go's zero time is far below zero. */
export function unixSeconds(moment: Date | undefined): number {
  return moment === undefined ? -62135596800 : Math.floor(moment.getTime() / 1000);
}

/** Says a length of time in Docker's words: `3 seconds`, `About an hour`, `2 weeks`. */
export function humanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(durationMs / 3_600_000 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  const days = Math.trunc(hours / 24);
  if (days < 14) return `${days} days`;
  if (days < 60) return `${Math.trunc(days / 7)} weeks`;
  if (days < 730) return `${Math.trunc(days / 30)} months`;
  return `${Math.trunc(durationMs / 3_600_000 / 24 / 365)} years`;
}
