import { readFileSync } from 'node:fs';

/** Whether the very process that was started still runs: a PID alone may be another's by now. */
export function processRuns({ pid, startTicks }: { readonly pid: number; readonly startTicks: number }): boolean {
  const stat = readStat(pid);
  // The name may hold blanks and brackets: fields are counted from its last bracket. Z: it has ended and waits.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[19]) === startTicks && fields[0] !== 'Z';
}

function readStat(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return ''; // it is gone, perhaps between the open and the read
  }
}
