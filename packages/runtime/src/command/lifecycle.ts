import { existsSync, readFileSync, statSync } from 'node:fs';
import { EngineError, isErrno, sigkill } from '@gantry/base';
import { close, pidfdOpen, pidfdSendSignal } from '@gantry/native';
import { type RuntimeState, runtimeSpecVersion } from '@gantry/oci';
import { isFrozen, thaw } from '../cgroup/freezer.ts';
import { type CgroupFiles, cgroupFiles } from '../cgroup/layout.ts';
import type { CgroupLayout } from '../facts.ts';
import { probeHostFacts } from '../probe-facts.ts';
import { processRuns } from '../process-runs.ts';
import { type ContainerStore, type Status, type StoredContainer, statusOf } from './container-store.ts';
import { containerPids } from './ps.ts';
import { connectShim } from './shim-client.ts';

/** `start`: lets a created process exec. @throws conflict when it was started already */
export async function startContainer(store: ContainerStore, id: string): Promise<void> {
  using _lock = await store.lock(id);
  const status = statusOf(store.get(id), store.directory(id), probeHostFacts().cgroup);
  if (status !== 'created') throw new EngineError('conflict', `cannot start container "${id}": it is ${status}`);
  using control = await connectShim(store.directory(id));
  await control.status;
  control.start();
  await control.started;
}

/** What `state` and `list` say of a container. Spec: runtime.md, "State"; the rest and `paused` are runc's. */
export type ListedContainer = Omit<RuntimeState, 'status'> & {
  readonly status: Status;
  readonly rootfs: string;
  readonly created: string;
  /** Whose container it is: the user that its directory belongs to. */
  readonly owner: string;
};

/** `state`. @throws not-found */
export function containerState(store: ContainerStore, id: string): ListedContainer {
  return describe(store.get(id), store, probeHostFacts().cgroup);
}

/** `list`. */
export function listContainers(store: ContainerStore): ListedContainer[] {
  const { cgroup } = probeHostFacts();
  return store.list().map((container) => describe(container, store, cgroup));
}

function describe(container: StoredContainer, store: ContainerStore, layout: CgroupLayout): ListedContainer {
  const { id, pid, bundle, rootfs, created, spec } = container;
  const status = statusOf(container, store.directory(id), layout);
  return {
    ociVersion: runtimeSpecVersion,
    id,
    pid: status === 'stopped' ? 0 : pid,
    status,
    bundle,
    rootfs,
    created,
    ...(spec.annotations === undefined ? {} : { annotations: spec.annotations }),
    owner: userName(statSync(store.directory(id)).uid),
  };
}

function userName(uid: number): string {
  const names = new RegExp(`^([^:\n]+):[^:\n]*:${uid}:`, 'm');
  return (existsSync('/etc/passwd') ? names.exec(readFileSync('/etc/passwd', 'utf8'))?.[1] : undefined) ?? `#${uid}`;
}

export type Kill = {
  readonly signal: number;
  /** All of its cgroup, not only its init. */
  readonly everyProcess: boolean;
};

/** `kill`. @throws conflict when it does not run */
export async function killContainer(store: ContainerStore, id: string, { signal, everyProcess }: Kill): Promise<void> {
  const container = store.get(id);
  const files = cgroupFiles(probeHostFacts().cgroup, container.cgroupPath);
  if (everyProcess) {
    for (const pid of containerPids(store, id)) signalPid(pid, signal);
  } else if (!signalContainer(container, signal)) {
    // containerd knows by these last words that there is nothing left to kill.
    throw new EngineError('conflict', `cannot kill container "${id}": container not running`);
  }
  if (signal === sigkill) await letDie(files);
}

/** A frozen process of cgroup v1 takes even SIGKILL only when it is let go. */
async function letDie({ freeze }: CgroupFiles): Promise<void> {
  try {
    if (freeze !== undefined && isFrozen(freeze)) await thaw(freeze);
  } catch (error) {
    // It dies as soon as it thaws, and its cgroup goes with it.
    if (!isErrno(error, 'ENOENT') && !isErrno(error, 'ENODEV')) throw error;
  }
}

/** @returns false when it has ended */
function signalContainer(container: StoredContainer, signal: number): boolean {
  // The descriptor comes first: whatever it names when the start time is right, it names for ever.
  const pidfd = openPidfd(container.pid);
  if (pidfd === undefined) return false;
  try {
    return processRuns(container) && pidfdSendSignal(pidfd, signal);
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

/** `delete`: what a stopped container left; a created one, or with `force` any, is killed first. @throws conflict */
export async function deleteContainer(store: ContainerStore, id: string, force: boolean): Promise<void> {
  using _lock = await store.lock(id);
  const container = store.get(id);
  const { cgroup } = probeHostFacts();
  const status = statusOf(container, store.directory(id), cgroup);
  if ((status === 'running' || status === 'paused') && !force) {
    throw new EngineError('conflict', `cannot delete container "${id}" that is not stopped: ${status}`);
  }
  if (status !== 'stopped') {
    using control = await connectShim(store.directory(id));
    await control.status;
    signalContainer(container, sigkill);
    await letDie(cgroupFiles(cgroup, container.cgroupPath));
    await control.gone;
  }
  store.remove(id);
}
