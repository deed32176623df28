import { readFileSync } from 'node:fs';
import { EngineError } from '@gantry/base';
import { close, pidfdOpen, pidfdSendSignal } from '@gantry/native';
import { type RuntimeState, runtimeSpecVersion } from '@gantry/oci';
import { cgroupFiles } from '../cgroup/layout.ts';
import { probeHostFacts } from '../probe-facts.ts';
import { type ContainerStore, runs, type StoredContainer, statusOf } from './container-store.ts';
import { connectShim } from './shim-client.ts';

/** `start`: lets a created process exec. @throws conflict when it was started already */
export async function startContainer(store: ContainerStore, id: string): Promise<void> {
  using _lock = await store.lock(id);
  const status = statusOf(store.get(id), store.directory(id));
  if (status !== 'created') throw new EngineError('conflict', `cannot start container "${id}": it is ${status}`);
  using control = await connectShim(store.directory(id));
  await control.status;
  control.start();
  await control.started;
}

/** `state`. Spec: runtime.md, "State". */
export function containerState(store: ContainerStore, id: string): RuntimeState {
  return describe(store.get(id), store);
}

function describe(container: StoredContainer, store: ContainerStore): RuntimeState {
  const { id, pid, bundle, spec } = container;
  const status = statusOf(container, store.directory(id));
  return {
    ociVersion: runtimeSpecVersion,
    id,
    status,
    pid: status === 'stopped' ? 0 : pid,
    bundle,
    ...(spec.annotations === undefined ? {} : { annotations: spec.annotations }),
  };
}

/** One row of `list`. */
export type ListedContainer = RuntimeState & { readonly rootfs: string; readonly created: string };

export function listContainers(store: ContainerStore): ListedContainer[] {
  return store.list().map((container) => ({
    ...describe(container, store),
    rootfs: container.rootfs,
    created: container.created,
  }));
}

/** `kill`. @param everyProcess all of its cgroup, not only its init. @throws conflict when it does not run */
export function killContainer(store: ContainerStore, id: string, how: { signal: number; everyProcess: boolean }): void {
  const container = store.get(id);
  if (how.everyProcess) {
    for (const pid of readPids(cgroupFiles(probeHostFacts().cgroup, container.cgroupPath).procs))
      signalPid(pid, how.signal);
    return;
  }
  if (!signalContainer(container, how.signal)) {
    throw new EngineError('conflict', `cannot kill container "${id}": it is not running`);
  }
}

/** @returns false when it has ended */
function signalContainer(container: StoredContainer, signal: number): boolean {
  // The descriptor comes first: whatever it names when the start time is right, it names for ever.
  const pidfd = openPidfd(container.pid);
  if (pidfd === undefined) return false;
  try {
    return runs(container) && pidfdSendSignal(pidfd, signal);
  } finally {
    close(pidfd);
  }
}

function openPidfd(pid: number): number | undefined {
  try {
    return pidfdOpen(pid);
  } catch {
    // ESRCH: it has ended, which is the answer.
    return undefined;
  }
}

function signalPid(pid: number, signal: number): void {
  const pidfd = openPidfd(pid);
  if (pidfd === undefined) return;
  pidfdSendSignal(pidfd, signal);
  close(pidfd);
}

function readPids(path: string): number[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

/** `delete`: what a stopped container left; a created one, or with `force` any, is killed first. @throws conflict */
export async function deleteContainer(store: ContainerStore, id: string, force: boolean): Promise<void> {
  using _lock = await store.lock(id);
  const container = store.get(id);
  const status = statusOf(container, store.directory(id));
  if (status === 'running' && !force) {
    throw new EngineError('conflict', `cannot delete container "${id}" that is not stopped: ${status}`);
  }
  if (status !== 'stopped') {
    using control = await connectShim(store.directory(id));
    await control.status;
    signalContainer(container, sigkill);
    await control.gone;
  }
  store.remove(id);
}

const sigkill = 9;
