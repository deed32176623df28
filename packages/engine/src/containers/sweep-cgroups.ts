import { rmdirSync } from 'node:fs';
import { type CgroupLayout, cgroupFiles, listCgroups } from '@gantry/runtime';

/** Removes the cgroups below the engine's parent that belong to no running container: a killed shim cannot. */
export function sweepCgroups(layout: CgroupLayout, parent: string, keep: ReadonlySet<string>): void {
  for (const name of listCgroups(layout, parent)) {
    if (keep.has(name)) continue;
    for (const directory of cgroupFiles(layout, `${parent}/${name}`).directories) removeCgroup(directory);
  }
}

function removeCgroup(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Busy: processes in it are still dying, and their own shim removes it; or it is gone by now.
  }
}
