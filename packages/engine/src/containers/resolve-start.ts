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
  refuseSharedIpc(deps, hostConfig.ipcMode);
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
    ipcPath: undefined,
    pidPath: pidPid === undefined ? undefined : `/proc/${pidPid}/ns/pid`,
    shmPath: undefined,
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

/** The other container's /dev/shm is mounted in its own namespace only, and nothing hands it over yet. */
function refuseSharedIpc(deps: ContainerDeps, mode: string): void {
  const ref = sharedWith(mode);
  if (ref === undefined) return;
  const donor = deps.store.resolve(ref);
  throw donor.hostConfig.ipcMode === 'shareable'
    ? new EngineError('unsupported', `cannot join IPC of container ${ref}: sharing /dev/shm is not built yet`, {
        hint: 'use --ipc host for both containers',
      })
    : new EngineError(
        'invalid',
        `cannot join IPC of container ${ref}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
      );
}

function pidOfShared(deps: ContainerDeps, mode: string): number | undefined {
  const ref = sharedWith(mode);
  if (ref === undefined) return undefined;
  const other = deps.store.resolve(ref);
  if (other.status.kind === 'running') return other.status.pid;
  throw new EngineError('conflict', `cannot join PID of a non running container: ${ref}`);
}
