import { posix } from 'node:path';
import { EngineError, messageOf } from '@gantry/base';
import type { Plan } from '@gantry/native';
import { compile, ensureCgroupParent } from '@gantry/runtime';
import type { Joined } from '../network/types.ts';
import type { RootMount } from '../snapshots/types.ts';
import { startFailureCode, type Task } from '../tasks/index.ts';
import { composeConfig } from './compose-config.ts';
import { shmTarget } from './compose-mounts.ts';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { probeCommand, startingHealth } from './health.ts';
import { writeInit } from './init.ts';
import type { Guest } from './live.ts';
import { logSpec } from './log-spec.ts';
import { ensureBindSources } from './mounts.ts';
import { containerPaths } from './paths.ts';
import { removeLocked } from './remove.ts';
import { cgroupPathOf, resolveStartFacts, writeEtcFiles } from './resolve-start.ts';
import type { StartFacts } from './start-facts.ts';
import type { ContainerRecord } from './types.ts';

/**
 * Starts a container.
 *
 * @returns false when it already runs
 * @throws with Docker's texts; a container that could not start is as it was, and says why in its inspect
 */
export async function startContainer(deps: ContainerDeps, ref: string): Promise<boolean> {
  const { id } = deps.store.resolve(ref);
  await using _lock = await deps.locks.hold(id);
  const container = deps.store.get(id);
  if (container.status.kind === 'running') {
    if (container.status.paused)
      throw new EngineError('conflict', 'cannot start a paused container, try unpause instead');
    return false;
  }
  if (container.status.kind === 'removing' || container.status.kind === 'dead')
    throw new EngineError('conflict', 'container is marked for removal and cannot be started');
  deps.live.cancelRestart(id);
  deps.db.tx(() => {
    if (container.restartCount !== 0) deps.store.setRestartCount(id, 0);
    if (container.stoppedByUser) deps.store.setStoppedByUser(id, false);
  });
  await startLocked(deps, container);
  return true;
}

/** The start itself, with the container's lock held: also what a restart policy does. */
export async function startLocked(deps: ContainerDeps, container: ContainerRecord): Promise<void> {
  try {
    await startTask(deps, container);
  } catch (error) {
    await bookFailure(deps, container, error);
    throw error;
  }
}

async function startTask(deps: ContainerDeps, container: ContainerRecord): Promise<void> {
  const { id } = container;
  // The shim of the last run removes its cgroups after it told of the exit; the new run must not meet them half-gone.
  await deps.tasks.find(id)?.gone;
  await using undo = new AsyncDisposableStack();

  using root = await deps.snapshots.prepare(id);
  const joined = await deps.networks.join(joinRequest(deps, container));
  undo.defer(() => deps.networks.leave(id));
  const guests = deps.live.takeGuests(id);
  undo.defer(() => {
    for (const guest of guests) guest.dismiss();
  });
  const plan = composePlan(deps, container, { joined, root: root.mount });
  await writeInit(containerPaths(deps.dataRoot, id), container.hostConfig);
  const { task, attached } = await deps.tasks.create(id, plan, {
    streams: guests.map(({ streams }) => streams),
    startAtOnce: !joined.needsDns,
  });
  undo.defer(() => endTask(deps, task));
  for (const [index, guest] of guests.entries()) if (attached[index] !== undefined) guest.meet(attached[index]);

  if (joined.needsDns) await deps.networks.serveDns(id, task.pid);
  const { pid, startedAt } = await task.start();
  deps.db.tx(() => {
    deps.store.setStatus(id, { kind: 'running', pid, startedAt, paused: false });
    if (probeCommand(container.config) !== undefined) deps.health.put(id, startingHealth);
    deps.events.record('container', 'start', id, containerEvent(container));
  });
  undo.move();
  deps.follow(id, task);
  await admitLatecomers(deps, id, task);
}

/** Clients that attached while the process was being made: not yet running, and too late to be handed over. */
async function admitLatecomers(deps: ContainerDeps, id: string, task: Task): Promise<void> {
  for (let guests = deps.live.takeGuests(id); guests.length > 0; guests = deps.live.takeGuests(id)) {
    await Promise.all(guests.map((guest) => admit(guest, task)));
  }
}

async function admit(guest: Guest, task: Task): Promise<void> {
  try {
    guest.meet(await task.attach(guest.streams));
  } catch {
    // It has ended already: there is nothing left to see.
    guest.dismiss();
  }
}

function composePlan(
  deps: ContainerDeps,
  container: ContainerRecord,
  { joined, root }: { joined: Joined; root: RootMount },
): Plan {
  const paths = containerPaths(deps.dataRoot, container.id);
  ensureBindSources(container.mountPoints);
  const { cgroupParent } = container.hostConfig;
  if (cgroupParent !== '') ensureCgroupParent(deps.facts.cgroup, posix.join('/', cgroupParent));
  writeEtcFiles(paths, container, joined);
  const facts = resolveStartFacts(deps, container, { joined, rootPath: root.target });
  return planOf(deps, container, { facts, root, joined });
}

/** What a start does, from all that is known of it: decisions alone. */
export function planOf(
  deps: Pick<ContainerDeps, 'facts' | 'tasks' | 'dataRoot' | 'cgroupParent'>,
  container: ContainerRecord,
  { facts, root, joined }: { facts: StartFacts; root: RootMount; joined: Joined },
): Plan {
  const { id, config, hostConfig } = container;
  const paths = containerPaths(deps.dataRoot, id);
  const composed = composeConfig(container, facts);
  return compile(composed.spec, {
    id,
    facts: deps.facts,
    shim: {
      taskDir: deps.tasks.taskDir(id),
      exitRecord: paths.exitRecord,
      log: logSpec(hostConfig.logConfig, paths.log),
      openStdin: config.openStdin,
      stdinOnce: config.stdinOnce,
    },
    // What goes with its exit needs no sync of its upper directory when it is unmounted.
    root: { kind: 'overlay', ...root, volatile: hostConfig.autoRemove },
    cgroupPath: cgroupPathOf(deps, container),
    network: joined,
    user: composed.user,
    copyUp: container.status.kind === 'created' ? composed.copyUp : [],
    subpaths: composed.subpaths,
    ...(facts.shmOf === undefined ? {} : { borrowed: { [shmTarget]: facts.shmOf } }),
    createWorkingDir: true,
  });
}

function joinRequest(
  { defaults }: ContainerDeps,
  { id, name, config, hostConfig }: ContainerRecord,
): Parameters<ContainerDeps['networks']['join']>[0] {
  const { networkMode, portBindings, publishAllPorts, dns, dnsOptions, dnsSearch, extraHosts } = hostConfig;
  return {
    containerId: id,
    containerName: name,
    hostname: config.hostname,
    domainname: config.domainname,
    networkMode,
    exposedPorts: config.exposedPorts,
    portBindings,
    publishAllPorts,
    dns: dns.length > 0 ? dns : defaults.dns,
    dnsOptions: dnsOptions.length > 0 ? dnsOptions : defaults.dnsOptions,
    dnsSearch: dnsSearch.length > 0 ? dnsSearch : defaults.dnsSearch,
    extraHosts,
  };
}

async function endTask(deps: ContainerDeps, task: Task): Promise<void> {
  task.signal(9);
  await task.gone;
  deps.tasks.forget(task.key);
}

/** Keeps why the start failed: beside `created` when it never ran, as the last exit otherwise. */
async function bookFailure(deps: ContainerDeps, container: ContainerRecord, cause: unknown): Promise<void> {
  const { id, status } = container;
  const failure = { error: messageOf(cause), exitCode: startFailureCode(messageOf(cause), 128) };
  deps.store.setStatus(
    id,
    status.kind === 'created'
      ? { kind: 'created', failure }
      : {
          kind: 'exited',
          ...failure,
          oomKilled: false,
          startedAt: 'startedAt' in status ? status.startedAt : undefined,
          finishedAt: deps.now(),
        },
  );
  deps.live.dismiss(id);
  deps.live.exited(id, failure);
  if (container.hostConfig.autoRemove) await removeLocked(deps, deps.store.get(id), { volumes: true });
}
