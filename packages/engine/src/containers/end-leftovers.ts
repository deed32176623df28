import { readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError, sigkill } from '@gantry/base';
import { kill } from '@gantry/native';
import { type CgroupFiles, type CgroupLayout, cgroupFiles, listCgroups } from '@gantry/runtime';

/** Processes die at once unless they sit in the kernel. */
const longestWaitMs = 5000;

/**
 * Ends every process of a cgroup whose shim is gone, and removes the cgroup. Without its shim nobody else would: the
 * processes would run on beside their own successors, on the same files.
 *
 * @throws unavailable when a process does not die
 */
export async function endLeftovers(layout: CgroupLayout, cgroupPath: string): Promise<void> {
  const files = cgroupFiles(layout, cgroupPath);
  const deadline = performance.now() + longestWaitMs;
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 100)) {
    const pids = readPids(files.procs);
    if (pids.length === 0) break;
    if (performance.now() > deadline)
      throw new EngineError('unavailable', `cannot end the processes of cgroup "${cgroupPath}": they do not die`);
    thaw(files);
    for (const pid of pids) killIfThere(pid);
    await delay(waitMs);
  }
  removeEmptyCgroup(layout, cgroupPath);
}

/** Removes a cgroup that nothing is in; one with processes or children stays. */
export function removeEmptyCgroup(layout: CgroupLayout, cgroupPath: string): void {
  for (const directory of cgroupFiles(layout, cgroupPath).directories) removeCgroup(directory);
}

/** Ends and removes the cgroups below the engine's parent that belong to no running container. */
export async function sweepCgroups(
  layout: CgroupLayout,
  parent: string,
  keep: ReadonlySet<string>,
): Promise<readonly unknown[]> {
  const strays = listCgroups(layout, parent).filter((name) => !keep.has(name));
  const ended = await Promise.allSettled(strays.map((name) => endLeftovers(layout, `${parent}/${name}`)));
  return ended.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
}

function readPids(procs: string): number[] {
  try {
    return readFileSync(procs, 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    // No such cgroup: the machine was restarted, or its shim removed it.
    return [];
  }
}

/** A frozen process of cgroup v1 takes no signal. */
function thaw({ freeze }: CgroupFiles): void {
  try {
    if (freeze !== undefined) writeFileSync(freeze.file, freeze.thawed);
  } catch {
    // It went away meanwhile, and its processes with it.
  }
}

function killIfThere(pid: number): void {
  try {
    kill(pid, sigkill);
  } catch {
    // It ended between the look and the signal.
  }
}

function removeCgroup(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Gone by now, or something is in it: whoever owns that removes it, or the next boot tries again.
  }
}
