import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError, isErrno, messageOf } from '@gantry/base';
import { type CgroupFiles, cgroupFiles } from '@gantry/runtime';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { cgroupPathOf } from './resolve-start.ts';
import type { ContainerRecord } from './types.ts';

type PauseDeps = Pick<ContainerDeps, 'db' | 'store' | 'events' | 'locks' | 'facts' | 'cgroupParent'>;
type Freezer = NonNullable<CgroupFiles['freeze']>;

/** A process that sits in the kernel cannot be frozen; then all are let go again and the request fails. */
const freezeTimeoutMs = 10_000;

/**
 * Freezes every process of a container where it stands.
 *
 * @throws conflict with Docker's texts
 */
export async function pauseContainer(deps: PauseDeps, ref: string): Promise<void> {
  const { id } = deps.store.resolve(ref);
  await using _lock = await deps.locks.hold(id);
  const container = deps.store.get(id);
  const { status } = container;
  if (status.kind === 'restarting')
    throw new EngineError('conflict', `Container ${id} is restarting, wait until the container is running`);
  if (status.kind !== 'running') throw new EngineError('conflict', `container ${id} is not running`);
  if (status.paused) throw new EngineError('conflict', `Container ${id} is already paused`);
  const freezer = freezerOf(deps, container);
  try {
    await reach(freezer, freezer.frozen);
  } catch (cause) {
    refuseEnded(id, cause);
    writeFileSync(freezer.file, freezer.thawed);
    throw new EngineError('unavailable', `cannot pause container "${id.slice(0, 12)}": ${messageOf(cause)}`, { cause });
  }
  deps.db.tx(() => {
    deps.store.setStatus(id, { ...status, paused: true });
    deps.events.record('container', 'pause', id, containerEvent(container));
  });
}

/** Lets a paused container go on. @throws conflict with Docker's text */
export async function unpauseContainer(deps: PauseDeps, ref: string): Promise<void> {
  const { id } = deps.store.resolve(ref);
  await using _lock = await deps.locks.hold(id);
  const container = deps.store.get(id);
  const { status } = container;
  if (status.kind !== 'running' || !status.paused) throw new EngineError('conflict', `Container ${id} is not paused`);
  const freezer = freezerOf(deps, container);
  try {
    await reach(freezer, freezer.thawed);
  } catch (error) {
    refuseEnded(id, error);
    throw error;
  }
  deps.db.tx(() => {
    deps.store.setStatus(id, { ...status, paused: false });
    deps.events.record('container', 'unpause', id, containerEvent(container));
  });
}

/** Its cgroup goes a moment before its exit is booked. */
function refuseEnded(id: string, cause: unknown): void {
  if (isErrno(cause, 'ENOENT') || isErrno(cause, 'ENODEV'))
    throw new EngineError('conflict', `container ${id} is not running`, { cause });
}

/** Tells what the kernel says of a running container: a daemon may have died between the freezer and the row. */
export function readPaused(deps: Pick<PauseDeps, 'facts' | 'cgroupParent'>, container: ContainerRecord): boolean {
  const freezer = cgroupFiles(deps.facts.cgroup, cgroupPathOf(deps, container)).freeze;
  return freezer !== undefined && stateOf(freezer) === freezer.frozen;
}

function freezerOf(deps: PauseDeps, container: ContainerRecord): Freezer {
  const freezer = cgroupFiles(deps.facts.cgroup, cgroupPathOf(deps, container)).freeze;
  if (freezer === undefined)
    throw new EngineError('unsupported', 'cannot pause container: the cgroup freezer is not mounted on this host');
  return freezer;
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
