import { posix } from 'node:path';
import { EngineError } from '@gantry/base';
import type { VolumeCreateRequest } from '../volumes/types.ts';
import { type BindSpec, isPropagation, parseBind, parseVolumesFrom } from './bind-grammar.ts';
import type { ContainerConfig, HostConfig, MountPoint, MountSpec } from './types.ts';

/** A mount point that may still need its volume, and whose source may have to exist. */
export type MountIntent = {
  readonly point: MountPoint;
  readonly volume: VolumeCreateRequest | undefined;
  readonly sourceMustExist: boolean;
};

/**
 * Decides what a container gets mounted, from all five ways to ask for it. Later ways win at the same destination:
 * `--volumes-from`, then `-v`, then `--mount`; the image's volumes fill only what is free.
 *
 * @param inherit the mount points of another container
 * @throws invalid with Docker's texts
 */
export function planMounts(
  config: Pick<ContainerConfig, 'volumes'>,
  hostConfig: HostConfig,
  inherit: (ref: string) => readonly MountPoint[],
): readonly MountIntent[] {
  const byTarget = new Map<string, MountIntent>();
  const lay = (intent: MountIntent): void => {
    refuseProc(intent.point);
    byTarget.set(intent.point.destination, intent);
  };
  const tmpfsTargets = new Set(Object.keys(hostConfig.tmpfs).map(checkTarget));
  for (const text of hostConfig.volumesFrom) {
    const { ref, readOnly } = parseVolumesFrom(text);
    for (const point of inherit(ref)) lay(inherited(point, readOnly));
  }
  const own = new Set<string>();
  for (const intent of [
    ...hostConfig.binds.map((text) => fromBind(text, hostConfig.volumeDriver)),
    ...hostConfig.mounts.map(fromMount),
  ]) {
    const { destination } = intent.point;
    if (own.has(destination) || tmpfsTargets.has(destination))
      throw new EngineError('invalid', `Duplicate mount point: ${destination}`);
    own.add(destination);
    lay(intent);
  }
  for (const path of config.volumes) {
    const destination = checkTarget(path);
    if (!byTarget.has(destination) && !tmpfsTargets.has(destination))
      lay(volumeIntent({ destination, volume: { ...unnamed, driver: hostConfig.volumeDriver } }));
  }
  return [...byTarget.values()].sort((a, b) => byDepth(a.point, b.point));
}

/** Mounts nearer to the root come first, or a later one would hide them. */
export function byDepth(a: { readonly destination: string }, b: { readonly destination: string }): number {
  const depth = (path: string): number => posix.normalize(path).split('/').length;
  return depth(a.destination) - depth(b.destination) || (a.destination < b.destination ? -1 : 1);
}

const unnamed: VolumeCreateRequest = { name: '', driver: '', labels: {}, options: {} };

const plainPoint: MountPoint = {
  type: 'bind',
  name: '',
  source: '',
  destination: '',
  driver: '',
  mode: '',
  writable: true,
  propagation: '',
  subpath: '',
  recursive: true,
  copyUp: false,
  tmpfsOptions: [],
};

function inherited(point: MountPoint, readOnly: boolean): MountIntent {
  return {
    point: { ...point, writable: point.writable && !readOnly, copyUp: false },
    volume: undefined,
    sourceMustExist: false,
  };
}

type VolumeParts = Partial<MountPoint> & { readonly destination: string; readonly volume: VolumeCreateRequest };
function volumeIntent({ volume, ...point }: VolumeParts): MountIntent {
  return {
    point: { ...plainPoint, type: 'volume', name: volume.name, copyUp: true, ...point },
    volume,
    sourceMustExist: false,
  };
}

function fromBind(text: string, volumeDriver: string): MountIntent {
  const bind = parseBind(text);
  try {
    return posix.isAbsolute(bind.source) ? hostBind(bind) : boundVolume(bind, volumeDriver);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError('invalid', `invalid volume specification: '${text}': ${error.message}`);
  }
}

function hostBind(bind: BindSpec): MountIntent {
  return {
    point: {
      ...plainPoint,
      source: checkSource(bind.source, 'bind'),
      destination: checkMountTarget(bind.target, 'bind'),
      mode: bind.mode,
      writable: !bind.readOnly,
      propagation: bind.propagation || 'rprivate',
      createSource: true,
    },
    volume: undefined,
    sourceMustExist: false,
  };
}

function boundVolume(bind: BindSpec, driver: string): MountIntent {
  return volumeIntent({
    destination: checkMountTarget(bind.target, 'volume'),
    mode: bind.mode || 'z',
    writable: !bind.readOnly,
    propagation: bind.propagation,
    copyUp: !bind.noCopy,
    volume: { ...unnamed, name: bind.source, driver },
  });
}

function fromMount(mount: MountSpec): MountIntent {
  const refuse = (why: string): never => refuseMount(mount.type, why);
  const exclusive: readonly (readonly [string, string, unknown])[] = [
    ['bind', 'BindOptions', mount.bindOptions],
    ['volume', 'VolumeOptions', mount.volumeOptions],
    ['image', 'ImageOptions', mount.imageOptions],
    ['tmpfs', 'TmpfsOptions', mount.tmpfsOptions],
  ];
  for (const [type, field, value] of exclusive)
    if (mount.type !== type && value !== undefined) refuse(`field ${field} must not be specified`);
  if (mount.target === '') refuse('field Target must not be empty');
  const destination = checkMountTarget(mount.target, mount.type);
  switch (mount.type) {
    case 'bind':
      return mountedBind(mount, destination);
    case 'volume':
      return mountedVolume(mount, destination);
    case 'tmpfs':
      return mountedTmpfs(mount, destination);
    case 'image':
      if (mount.source === '') refuse('field Source must not be empty');
      throw new EngineError('unsupported', `cannot mount image "${mount.source}": image mounts are not supported yet`);
    case 'npipe':
    case 'cluster':
      return refuse('mount type unknown');
  }
}

function mountedBind(mount: MountSpec, destination: string): MountIntent {
  const options = mount.bindOptions;
  if (mount.source === '') refuseMount('bind', 'field Source must not be empty');
  const propagation = options?.propagation || 'rprivate';
  if (!isPropagation(propagation)) refuseMount('bind', `invalid propagation mode: ${propagation}`);
  const { readOnlyNonRecursive = false, readOnlyForceRecursive = false } = options ?? {};
  const conflict = (what: string): never => {
    throw new EngineError('invalid', `mount options conflict: ${what}`);
  };
  if (!mount.readOnly && readOnlyNonRecursive) conflict('!ReadOnly && BindOptions.ReadOnlyNonRecursive');
  if (!mount.readOnly && readOnlyForceRecursive) conflict('!ReadOnly && BindOptions.ReadOnlyForceRecursive');
  if (readOnlyNonRecursive && readOnlyForceRecursive)
    conflict('ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive');
  return {
    point: {
      ...plainPoint,
      source: checkSource(mount.source, 'bind'),
      destination,
      writable: !mount.readOnly,
      propagation,
      recursive: !(options?.nonRecursive ?? false),
      submountsWritable: readOnlyNonRecursive,
      createSource: options?.createMountpoint ?? false,
    },
    volume: undefined,
    sourceMustExist: !(options?.createMountpoint ?? false),
  };
}

function mountedVolume(mount: MountSpec, destination: string): MountIntent {
  const options = mount.volumeOptions;
  const subpath = options?.subpath ?? '';
  if (subpath !== '' && mount.source === '') refuseMount('volume', 'must not set Subpath when using anonymous volumes');
  if (subpath !== '' && !isLocalPath(subpath))
    refuseMount('volume', 'subpath must be a relative path within the volume');
  return volumeIntent({
    destination,
    mode: 'z',
    writable: !mount.readOnly,
    copyUp: !(options?.noCopy ?? false),
    subpath,
    volume: {
      name: mount.source,
      driver: options?.driver?.name ?? '',
      labels: options?.labels ?? {},
      options: options?.driver?.options ?? {},
    },
  });
}

function mountedTmpfs(mount: MountSpec, destination: string): MountIntent {
  if (mount.source !== '') refuseMount('tmpfs', 'field Source must not be specified');
  const options = mount.tmpfsOptions;
  for (const option of options?.options ?? []) {
    if (option.length < 1 || option.length > 2) refuseMount('tmpfs', 'invalid option array length');
    if (option[0] !== 'exec' && option[0] !== 'noexec') refuseMount('tmpfs', `invalid option: ${option[0]}`);
  }
  const tmpfsOptions = [
    ...(mount.readOnly ? ['ro'] : []),
    ...(options?.mode ? [`mode=${options.mode.toString(8)}`] : []),
    ...(options?.sizeBytes ? [`size=${options.sizeBytes}`] : []),
    ...(options?.options ?? []).map((option) => option.join('=')),
  ];
  return {
    point: { ...plainPoint, type: 'tmpfs', destination, writable: !mount.readOnly, tmpfsOptions },
    volume: undefined,
    sourceMustExist: false,
  };
}

/** A cleaned destination. @throws invalid with Docker's texts */
function checkTarget(path: string): string {
  const clean = posix.normalize(path).replace(/(.)\/+$/, '$1');
  if (clean === '/') throw new EngineError('invalid', "invalid specification: destination can't be '/'");
  if (!posix.isAbsolute(path) || path.includes('\0'))
    throw new EngineError('invalid', `invalid mount path: '${path}' mount path must be absolute`);
  return clean;
}

function checkMountTarget(path: string, type: MountSpec['type']): string {
  try {
    return checkTarget(path);
  } catch (error) {
    return refuseMount(type, error instanceof Error ? error.message : String(error));
  }
}

function checkSource(path: string, type: MountSpec['type']): string {
  if (!posix.isAbsolute(path) || path.includes('\0'))
    refuseMount(type, `invalid mount path: '${path}' mount path must be absolute`);
  return posix.normalize(path).replace(/(.)\/+$/, '$1');
}

/** Relative, and it does not climb out of where it starts. */
function isLocalPath(path: string): boolean {
  const clean = posix.normalize(path);
  return !posix.isAbsolute(clean) && clean !== '..' && !clean.startsWith('../') && !clean.includes('\0');
}

/** What runc lets a user cover in /proc: files that only tell about the machine. */
const coverable = new Set(
  ['cpuinfo', 'diskstats', 'meminfo', 'stat', 'swaps', 'uptime', 'loadavg', 'slabinfo']
    .concat('sys/kernel/ns_last_pid', 'sys/crypto/fips_enabled')
    .map((path) => `/proc/${path}`),
);

/**
 * SAFETY: a mount over /proc lets a container forge the files by which labels are applied to it (CVE-2015-3631,
 * CVE-2019-16884). Only the host's own procfs may stand there.
 */
function refuseProc(point: MountPoint): void {
  const { destination } = point;
  if (destination !== '/proc' && !destination.startsWith('/proc/')) return;
  if (coverable.has(destination)) return;
  if (destination === '/proc' && point.type === 'bind' && point.source === '/proc') return;
  throw new EngineError('invalid', `"${destination}" cannot be mounted because it is inside /proc`);
}

function refuseMount(type: MountSpec['type'], why: string): never {
  throw new EngineError('invalid', `invalid mount config for type "${type}": ${why}`);
}
