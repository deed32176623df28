import { type Dirent, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, messageOf } from '@gantry/base';
import type { ResolvedDevice, StartFacts } from './start-facts.ts';
import type { DeviceMapping, HostConfig } from './types.ts';

/**
 * Reads the devices that a container gets: those of `--device` (a directory gives all in it), and for a privileged one
 * every device of the host.
 *
 * @throws invalid with Docker's text when a path is no device
 */
export function resolveDevices(hostConfig: HostConfig): readonly ResolvedDevice[] {
  if (!hostConfig.privileged) return hostConfig.devices.flatMap((mapping) => fromMapping(mapping));
  const renamed = hostConfig.devices.filter((mapping) => mapping.pathOnHost !== mapping.pathInContainer);
  return [...hostDevices(), ...renamed.flatMap((mapping) => fromMapping({ ...mapping, cgroupPermissions: 'rwm' }))];
}

/** Reads major:minor of every path in the blkio limits; a path that is missing is left out. */
export function resolveDeviceNumbers(hostConfig: HostConfig): StartFacts['deviceNumbers'] {
  const paths = [
    ...hostConfig.blkioWeightDevice,
    ...hostConfig.blkioDeviceReadBps,
    ...hostConfig.blkioDeviceWriteBps,
    ...hostConfig.blkioDeviceReadIops,
    ...hostConfig.blkioDeviceWriteIops,
  ].map((row) => row.path);
  const numbers = new Map<string, { major: number; minor: number }>();
  for (const path of new Set(paths)) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined) numbers.set(path, deviceNumber(stat.rdev));
  }
  return numbers;
}

function fromMapping(mapping: DeviceMapping): ResolvedDevice[] {
  const { pathOnHost, pathInContainer, cgroupPermissions: access } = mapping;
  const target = pathInContainer === '' ? pathOnHost : pathInContainer;
  const refuse = (why: string): never => {
    throw new EngineError(
      'invalid',
      `error gathering device information while adding custom device "${pathOnHost}": ${why}`,
    );
  };
  let source = pathOnHost;
  try {
    source = realpathSync(pathOnHost);
  } catch {
    refuse('no such file or directory');
  }
  const stat = statSync(source);
  const device = asDevice(target, stat, access === '' ? 'rwm' : access);
  if (device !== undefined) return [device];
  const found = stat.isDirectory()
    ? walk(source).map(({ path, stat: inner }) => asDevice(target + path.slice(source.length), inner, access))
    : [];
  const devices = found.filter((entry) => entry !== undefined);
  return devices.length > 0 ? devices : refuse('not a device node');
}

/** Not for containers: each has its own of these. Fact: containerd's list. */
const ownInEveryContainer = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev', 'console']);

function hostDevices(): ResolvedDevice[] {
  return walk('/dev', ownInEveryContainer)
    .map(({ path, stat }) => asDevice(path, stat, 'rwm'))
    .filter((device) => device !== undefined);
}

type Found = { readonly path: string; readonly stat: Stats };

function walk(directory: string, without: ReadonlySet<string> = new Set()): Found[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    throw new EngineError('internal', `cannot read devices of "${directory}": ${messageOf(error)}`, { cause: error });
  }
  return entries
    .filter((entry) => !without.has(entry.name) && !entry.isSymbolicLink())
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return walk(path);
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? [] : [{ path, stat }];
    });
}

function asDevice(path: string, stat: Stats, access: string): ResolvedDevice | undefined {
  const type = stat.isCharacterDevice() ? 'c' : stat.isBlockDevice() ? 'b' : undefined;
  if (type === undefined) return undefined;
  return { type, path, ...deviceNumber(stat.rdev), fileMode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, access };
}

/** Splits Linux's device number: 12 bits of major in the middle, 20 of minor around it. Fact: glibc's makedev(3). */
function deviceNumber(rdev: number): { major: number; minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
