import { EngineError, isErrno, messageOf } from '@gantry/base';
import { type Freezer, freeze, thaw } from '../cgroup/freezer.ts';
import { cgroupFiles } from '../cgroup/layout.ts';
import { probeHostFacts } from '../probe-facts.ts';
import { type ContainerStore, type StoredContainer, statusOf } from './container-store.ts';

/** `pause`: stops every process of a container where it stands. @throws conflict, unsupported, unavailable */
export async function pauseContainer(store: ContainerStore, id: string): Promise<void> {
  using _lock = await store.lock(id);
  const container = store.get(id);
  const { cgroup } = probeHostFacts();
  const status = statusOf(container, store.directory(id), cgroup);
  if (status !== 'running' && status !== 'created') {
    throw new EngineError('conflict', `cannot pause container "${id}": it is ${status}`);
  }
  await explain(`cannot pause container "${id}"`, freeze(freezerOf(container)));
}

/** `resume`: lets a paused container go on. @throws conflict when it is not paused */
export async function resumeContainer(store: ContainerStore, id: string): Promise<void> {
  using _lock = await store.lock(id);
  const container = store.get(id);
  const status = statusOf(container, store.directory(id), probeHostFacts().cgroup);
  if (status !== 'paused') throw new EngineError('conflict', `cannot resume container "${id}": it is ${status}`);
  await explain(`cannot resume container "${id}"`, thaw(freezerOf(container)));
}

/** @throws conflict when the container ended meanwhile, and its cgroup with it; unavailable for what else keeps it */
async function explain(what: string, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (cause) {
    const isGone = isErrno(cause, 'ENOENT') || isErrno(cause, 'ENODEV');
    if (isGone) throw new EngineError('conflict', `${what}: it is stopped`, { cause });
    throw new EngineError('unavailable', `${what}: ${messageOf(cause)}`, { cause });
  }
}

function freezerOf(container: StoredContainer): Freezer {
  const freezer = cgroupFiles(probeHostFacts().cgroup, container.cgroupPath).freeze;
  if (freezer === undefined) {
    throw new EngineError('unsupported', 'cannot pause a container: the cgroup freezer is not mounted on this host');
  }
  return freezer;
}
