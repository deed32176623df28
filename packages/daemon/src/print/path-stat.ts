import type { PathStatWire } from '@gantry/api';
import type { PathStat } from '@gantry/engine';

/** The kernel's file types as Go's FileMode bits. */
const goTypes: ReadonlyMap<number, number> = new Map([
  [0o010000, 2 ** 25],
  [0o020000, 2 ** 26 + 2 ** 21],
  [0o040000, 2 ** 31],
  [0o060000, 2 ** 26],
  [0o120000, 2 ** 27],
  [0o140000, 2 ** 24],
]);
const goSpecials = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
] as const;

/** A kernel's mode as Go writes it: permissions, then one bit for each of type, set-ID and sticky. */
export function goMode(mode: number): number {
  const specials = goSpecials.reduce((sum, [bit, goBit]) => sum + ((mode & bit) === 0 ? 0 : goBit), 0);
  return (mode & 0o777) + specials + (goTypes.get(mode & 0o170000) ?? 0);
}

const nanosPerSecond = 1_000_000_000n;

/** A moment to the nanosecond, as Go's RFC3339Nano prints it. */
function formatNanos(nanos: bigint): string {
  const fraction = ((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond;
  const seconds = new Date(Number((nanos - fraction) / nanosPerSecond) * 1000).toISOString().slice(0, -5);
  const digits = String(fraction).padStart(9, '0').replace(/0+$/, '');
  return `${seconds}${digits === '' ? '' : `.${digits}`}Z`;
}

export function printPathStat({ name, sizeBytes, mode, modifiedNs, linkTarget }: PathStat): PathStatWire {
  return { name, size: sizeBytes, mode: goMode(mode), mtime: formatNanos(modifiedNs), linkTarget };
}

/** The header that tells of a path in a container. */
export function pathStatHeader(stat: PathStat): Readonly<Record<string, string>> {
  const json = JSON.stringify(printPathStat(stat));
  return { 'X-Docker-Container-Path-Stat': Buffer.from(json).toString('base64') };
}
