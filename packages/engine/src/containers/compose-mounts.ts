import { EngineError } from '@gantry/base';
import type { RuntimeMount } from '@gantry/oci';
import { initTarget, usesInit } from './init.ts';
import { byDepth } from './plan-mounts.ts';
import type { SecurityOptions } from './security-options.ts';
import type { StartFacts } from './start-facts.ts';
import type { ContainerRecord, HostConfig, MountPoint } from './types.ts';

/**
 * The mounts of a container: Docker's default ones, unless a user's stands at the same place, then the user's and the
 * three files of /etc, nearer to the root first. Each mount brings its own propagation, so the root needs none.
 *
 * @throws invalid with Docker's text for an unknown tmpfs option
 */
export function composeMounts(
  record: ContainerRecord,
  facts: StartFacts,
  security: SecurityOptions,
): readonly RuntimeMount[] {
  const { hostConfig, mountPoints } = record;
  const user = [
    ...mountPoints.filter((point) => !(point.destination in hostConfig.tmpfs)).map(pointMount),
    ...Object.entries(hostConfig.tmpfs).map(([target, options]) => tmpfsMount(target, options.split(','))),
  ];
  const taken = new Set(user.map((mount) => mount.destination));
  const files = networkFiles(facts, hostConfig).filter((mount) => !taken.has(mount.destination));
  const hidesDev = taken.has('/dev');
  const defaults = defaultMounts(hostConfig, facts, security)
    .filter(({ destination }) => !taken.has(destination) && !(hidesDev && destination.startsWith('/dev/')))
    .map((mount) => (hostConfig.readonlyRootfs ? readOnlyUnlessNeeded(mount) : mount));
  const init = usesInit(hostConfig) ? [initMount(facts)] : [];
  return [...defaults, ...[...user, ...files, ...init].sort(byDepth)];
}

const dangerous = ['nosuid', 'noexec', 'nodev'];

function defaultMounts(hostConfig: HostConfig, facts: StartFacts, security: SecurityOptions): RuntimeMount[] {
  const writableCgroups = security.writableCgroups ?? hostConfig.privileged;
  const own = (type: string, destination: string, options: readonly string[]): RuntimeMount => ({
    destination,
    type,
    source: type,
    options,
  });
  return [
    own('proc', '/proc', dangerous),
    own('tmpfs', '/dev', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
    own('devpts', '/dev/pts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
    own('sysfs', '/sys', hostConfig.privileged ? dangerous : [...dangerous, 'ro']),
    own('cgroup', '/sys/fs/cgroup', writableCgroups ? dangerous : ['ro', ...dangerous]),
    own('mqueue', '/dev/mqueue', dangerous),
    ...shmMount(hostConfig, facts),
  ];
}

/** Also what it is called where it is shared from: on the host, or in the other container. */
export const shmTarget = '/dev/shm';

function shmMount(hostConfig: HostConfig, facts: StartFacts): RuntimeMount[] {
  const isShared = hostConfig.ipcMode === 'host' || facts.shmOf !== undefined;
  if (hostConfig.ipcMode === 'none') return [];
  if (isShared) return [{ destination: shmTarget, type: 'bind', source: shmTarget, options: ['rbind', 'rprivate'] }];
  return [
    {
      destination: shmTarget,
      type: 'tmpfs',
      source: 'shm',
      options: [...dangerous, 'mode=1777', `size=${hostConfig.shmSizeBytes}`],
    },
  ];
}

/** What a process must be able to write even when its root is read-only. */
const writableAlways = new Set(['/proc', '/dev/pts', '/dev/shm', '/dev/mqueue', '/dev']);

function readOnlyUnlessNeeded(mount: RuntimeMount): RuntimeMount {
  const options = mount.options ?? [];
  if (writableAlways.has(mount.destination) || options.includes('ro')) return mount;
  return { ...mount, options: [...options, 'ro'] };
}

function pointMount(point: MountPoint): RuntimeMount {
  if (point.type === 'tmpfs') return tmpfsMount(point.destination, point.tmpfsOptions);
  const readOnly = point.submountsWritable || !point.recursive ? 'ro' : 'rro';
  return {
    destination: point.destination,
    type: 'bind',
    source: point.source,
    options: [
      point.recursive ? 'rbind' : 'bind',
      ...(point.writable ? [] : [readOnly]),
      ...(point.propagation === '' ? [] : [point.propagation]),
    ],
  };
}

const tmpfsFlagPairs = [
  ['noexec', 'exec'],
  ['nosuid', 'suid'],
  ['nodev', 'dev'],
] as const;
const tmpfsFlags = new Set(
  ['ro', 'rw', 'exec', 'noexec', 'suid', 'nosuid', 'dev', 'nodev', 'sync', 'async', 'dirsync', 'remount', 'mand']
    .concat('nomand', 'atime', 'noatime', 'diratime', 'nodiratime', 'bind', 'rbind', 'relatime', 'norelatime')
    .concat('strictatime', 'nostrictatime', 'private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave')
    .concat('unbindable', 'runbindable'),
);
const tmpfsData = new Set(['mode', 'uid', 'gid', 'size', 'nr_inodes', 'nr_blocks', 'mpol']);

function tmpfsMount(target: string, given: readonly string[]): RuntimeMount {
  const options = given.filter((option) => option !== '' && option !== 'defaults');
  for (const option of options) {
    const [key = ''] = option.split('=', 1);
    if (option.includes('=') ? !tmpfsData.has(key) : !tmpfsFlags.has(option))
      throw new EngineError('invalid', `invalid tmpfs option "${key}"`);
  }
  const safe = tmpfsFlagPairs.filter(([, opposite]) => !options.includes(opposite)).map(([flag]) => flag);
  return { destination: target, type: 'tmpfs', source: 'tmpfs', options: [...new Set([...safe, ...options])] };
}

function networkFiles(facts: StartFacts, hostConfig: HostConfig): RuntimeMount[] {
  const file = (destination: string, source: string): RuntimeMount => ({
    destination,
    type: 'bind',
    source,
    options: ['rbind', ...(hostConfig.readonlyRootfs ? ['ro'] : []), 'rprivate'],
  });
  return [
    file('/etc/resolv.conf', facts.resolvConfPath),
    file('/etc/hostname', facts.hostnamePath),
    file('/etc/hosts', facts.hostsPath),
  ];
}

function initMount(facts: StartFacts): RuntimeMount {
  return { destination: initTarget, type: 'bind', source: facts.initPath, options: ['bind', 'ro'] };
}
