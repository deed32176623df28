import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isErrno } from '@gantry/base';
import type { CgroupFiles } from './layout.ts';

export type Freezer = NonNullable<CgroupFiles['freeze']>;

/** A process that sits in the kernel cannot be frozen; then all are let go again and the request fails. */
const freezeTimeoutMs = 10_000;

/** Stops every process of a cgroup where it stands, or none. @throws Error when they do not stop */
export async function freeze(freezer: Freezer): Promise<void> {
  try {
    await reach(freezer, freezer.frozen);
  } catch (error) {
    writeFileSync(freezer.file, freezer.thawed);
    throw error;
  }
}

/** Lets the processes of a cgroup go on. */
export async function thaw(freezer: Freezer): Promise<void> {
  await reach(freezer, freezer.thawed);
}

/** Whether the kernel holds the cgroup's processes; one that is gone holds none. */
export function isFrozen(freezer: Freezer): boolean {
  try {
    return stateOf(freezer) === freezer.frozen;
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENODEV')) return false;
    throw error;
  }
}

/** Writes until the state is there: on v1 a process that was just forked takes another write. */
async function reach(freezer: Freezer, wanted: string): Promise<void> {
  const start = performance.now();
  for (let waitMs = 0; ; waitMs = Math.min(waitMs * 2 + 1, 50)) {
    writeFileSync(freezer.file, wanted);
    if (stateOf(freezer) === wanted) return;
    if (performance.now() - start > freezeTimeoutMs) throw new Error('its processes do not stop');
    await delay(waitMs);
  }
}

/** The word of v1's freezer.state; on v2 the digit in the `frozen` line of cgroup.events. */
function stateOf(freezer: Freezer): string {
  const text = readFileSync(freezer.state, 'utf8').trim();
  return /^frozen (\d)$/m.exec(text)?.[1] ?? text;
}
