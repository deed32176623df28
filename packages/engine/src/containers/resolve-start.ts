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
): StartFacts & { readonly subpaths: Readonly<Record<string, string>> } {
  const { id, hostConfig } = container;
  const paths = containerPaths(deps.dataRoot, id);
  const ipcPid = pidOfShared(deps, hostConfig.ipcMode, 'ipc');
  const pidPid = pidOfShared(deps, hostConfig.pidMode, 'pid');
  return {
    host: deps.facts,
    rootPath,
    cgroupPath: cgroupPathOf(deps, container),
    hostname: container.config.hostname,
    hostsPath: paths.hosts,
    hostnamePath: paths.hostname,
    resolvConfPath: paths.resolvConf,
    network: joined.namespace,
    ipcPath: ipcPid === undefined ? undefined : `/proc/${ipcPid}/ns/ipc`,
    pidPath: pidPid === undefined ? undefined : `/proc/${pidPid}/ns/pid`,
    // SAFETY: the other container rules the tree behind this path, so /dev/shm is resolved below it and never through it.
    shmPath: ipcPid === undefined ? undefined : `/proc/${ipcPid}/root`,
    subpaths: ipcPid === undefined ? {} : { '/dev/shm': 'dev/shm' },
    initPath: undefined,
    initByDefault: false,
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

/** Writes the three files that are bound into /etc. */
export function writeEtcFiles(paths: ContainerPaths, { config }: ContainerRecord, joined: Joined): void {
  mkdirSync(paths.dir, { recursive: true, mode: 0o710 });
  writeFileSync(paths.hostname, `${config.hostname}\n`);
  writeFileSync(paths.hosts, joined.hostsFile);
  writeFileSync(paths.resolvConf, joined.resolvConf);
}

function pidOfShared(deps: ContainerDeps, mode: string, what: 'ipc' | 'pid'): number | undefined {
  const ref = sharedWith(mode);
  if (ref === undefined) return undefined;
  const other = deps.store.resolve(ref);
  if (other.status.kind === 'running') return other.status.pid;
  throw new EngineError('conflict', `cannot join ${what} namespace of a non running container: ${ref}`);
}
