import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Kilobytes to bytes of one line of /proc/PID/smaps_rollup or status; 0 when the process has ended. */
function readKilobytes(path: string, field: string): number {
  try {
    const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(path, 'utf8'));
    return Number(match?.[1] ?? 0) * 1024;
  } catch {
    return 0; // it ended while we looked
  }
}

/** The proportional share of memory of processes: pages shared by n count 1/n each. */
export function proportionalBytes(pids: Iterable<number>): number {
  let total = 0;
  for (const pid of pids) total += readKilobytes(`/proc/${pid}/smaps_rollup`, 'Pss');
  return total;
}

export function residentBytes(pids: Iterable<number>): number {
  let total = 0;
  for (const pid of pids) total += readKilobytes(`/proc/${pid}/status`, 'VmRSS');
  return total;
}

/** Every process that has memory of its own, kernel threads left out. */
export function listProcesses(): Map<number, string> {
  const found = new Map<number, string>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const name = readName(entry);
    if (name !== undefined) found.set(Number(entry), name);
  }
  return found;
}

function readName(pid: string): string | undefined {
  try {
    if (readFileSync(`/proc/${pid}/cmdline`).length === 0) return undefined;
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined; // it ended while we looked
  }
}

/** The most memory that processes had since they began or since `resetPeak`, one after another: they share little. */
export function peakBytes(pids: Iterable<number>): number {
  let total = 0;
  for (const pid of pids) total += readKilobytes(`/proc/${pid}/status`, 'VmHWM');
  return total;
}

/** Spec: Documentation/filesystems/proc.rst, `clear_refs`. */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}
