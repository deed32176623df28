import { mkdirSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { EngineError } from '@gantry/base';
import type { Joined } from '../network/types.ts';
import type { ContainerDeps } from './deps.ts';
import { type ContainerPaths, containerPaths } from './paths.ts';
import { resolveDeviceNumbers, resolveDevices } from './resolve-devices.ts';
import { sharedWith } from './settle-create.ts';
import type { StartFacts } from './start-facts.ts';
import type { ContainerRecord } from './types.ts';

/** Reads and decides what one start needs beside the container's row. */
export function resolveStartFacts(
  deps: ContainerDeps,
  container: ContainerRecord,
  { joined, rootPath }: { joined: Joined; rootPath: string },
): StartFacts {
  const { id, hostConfig } = container;
  const paths = containerPaths(deps.dataRoot, sharedWith(hostConfig.networkMode) ?? id);
  const donor = ipcDonor(deps, hostConfig.ipcMode);
  const pidPid = pidOfShared(deps, hostConfig.pidMode);
  return {
    host: deps.facts,
    rootPath,
    cgroupPath: cgroupPathOf(deps, container),
    hostname: container.config.hostname,
    hostsPath: paths.hosts,
    hostnamePath: paths.hostname,
    resolvConfPath: paths.resolvConf,
    network: joined.namespace,
    ipcPath: donor === undefined ? undefined : `/proc/${donor.pid}/ns/ipc`,
    pidPath: pidPid === undefined ? undefined : `/proc/${pidPid}/ns/pid`,
    shmOf: donor,
    initPath: containerPaths(deps.dataRoot, id).init,
    devices: resolveDevices(hostConfig),
    deviceNumbers: resolveDeviceNumbers(hostConfig),
    thermalCpus: deps.limits.thermalCpus,
  };
}

/** Below the engine's own parent, or below the one that the container names. */
export function cgroupPathOf(
  { cgroupParent }: Pick<ContainerDeps, 'cgroupParent'>,
  { id, hostConfig }: ContainerRecord,
): string {
  return posix.join('/', hostConfig.cgroupParent || cgroupParent, id);
}

/** Writes the three files that are bound into /etc; who shares another container's network uses that one's. */
export function writeEtcFiles(paths: ContainerPaths, { config }: ContainerRecord, joined: Joined): void {
  mkdirSync(paths.dir, { recursive: true, mode: 0o710 });
  if (joined.namespace.kind === 'path') return;
  writeFileSync(paths.hostname, `${config.hostname}\n`);
  writeFileSync(paths.hosts, joined.hostsFile);
  writeFileSync(paths.resolvConf, joined.resolvConf);
}

/** The process whose IPC namespace and /dev/shm a container shares. @throws invalid, conflict with Docker's texts */
function ipcDonor({ store, tasks }: ContainerDeps, mode: string): StartFacts['shmOf'] {
  const ref = sharedWith(mode);
  if (ref === undefined) return undefined;
  const donor = store.resolve(ref);
  const task = tasks.find(donor.id);
  if (donor.status.kind !== 'running' || task === undefined)
    throw new EngineError('conflict', `cannot join IPC of a non running container: ${ref}`);
  if (donor.hostConfig.ipcMode !== 'shareable')
    throw new EngineError(
      'invalid',
      `cannot join IPC of container ${ref}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    );
  return { pid: task.pid, startTicks: BigInt(task.startTicks) };
}

function pidOfShared(deps: ContainerDeps, mode: string): number | undefined {
  const ref = sharedWith(mode);
  if (ref === undefined) return undefined;
  const other = deps.store.resolve(ref);
  if (other.status.kind === 'running') return other.status.pid;
  throw new EngineError('conflict', `cannot join PID of a non running container: ${ref}`);
}
