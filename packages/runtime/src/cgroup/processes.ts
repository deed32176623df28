import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineError, isErrno } from '@gantry/base';
import type { CgroupFiles } from './layout.ts';

/** The processes of a cgroup and of those that were made below it; none of one that is gone. */
export function listProcesses({ procs }: Pick<CgroupFiles, 'procs'>): number[] {
  return processesBelow(dirname(procs));
}

function processesBelow(directory: string): number[] {
  try {
    const own = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    const below = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...own, ...below.flatMap((entry) => processesBelow(join(directory, entry.name)))];
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENODEV')) return [];
    throw error;
  }
}

/**
 * Picks the lines of a set of processes out of what `ps` printed: those whose PID column names one of them, and thread
 * lines (PID `-`) right below such a line.
 *
 * @throws internal with Docker's texts
 */
export function selectPsLines(output: string, pids: ReadonlySet<number>): { head: string; lines: string[] } {
  const [head = '', ...all] = output.split('\n');
  const pidColumn = psFields(head).indexOf('PID');
  if (pidColumn < 0) throw new EngineError('internal', "Couldn't find PID field in ps output");
  let isInside = false;
  const lines = all.filter((line) => {
    const pid = psFields(line)[pidColumn] ?? '';
    if (line === '' || pid === '-') return line !== '' && isInside;
    if (!/^\d+$/.test(pid)) throw new EngineError('internal', `Unexpected pid '${pid}': it is no number`);
    isInside = pids.has(Number(pid));
    return isInside;
  });
  return { head, lines };
}

/** Only ASCII blanks part fields: a command line may hold others. */
export function psFields(line: string): string[] {
  return line.split(/[\t\n\f\r ]+/).filter((field) => field !== '');
}
