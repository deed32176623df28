import { EngineError } from '@gantry/base';
import type { Act } from '@gantry/native';
import type { LinuxDevice } from '@gantry/oci';
import { cleanPath } from './paths.ts';

const fileType: Readonly<Record<string, number>> = { c: 0o020000, u: 0o020000, b: 0o060000, p: 0o010000 };
const defaultMode = 0o666;

/** The nodes every container has. Spec: config-linux.md, "Default Devices". */
export const defaultDevices: readonly LinuxDevice[] = [
  { type: 'c', path: '/dev/null', major: 1, minor: 3 },
  { type: 'c', path: '/dev/zero', major: 1, minor: 5 },
  { type: 'c', path: '/dev/full', major: 1, minor: 7 },
  { type: 'c', path: '/dev/random', major: 1, minor: 8 },
  { type: 'c', path: '/dev/urandom', major: 1, minor: 9 },
  { type: 'c', path: '/dev/tty', major: 5, minor: 0 },
];

const links: readonly (readonly [path: string, target: string])[] = [
  ['/dev/fd', '/proc/self/fd'],
  ['/dev/stdin', '/proc/self/fd/0'],
  ['/dev/stdout', '/proc/self/fd/1'],
  ['/dev/stderr', '/proc/self/fd/2'],
  ['/dev/core', '/proc/kcore'],
  ['/dev/ptmx', 'pts/ptmx'],
];

/** Makes the device nodes and links of /dev: the default ones, and those of config.json. @throws invalid */
export function planDevices(devices: readonly LinuxDevice[], root: number): Act[] {
  const own = devices.filter(({ path }) => cleanPath(path) !== '/dev/ptmx' && cleanPath(path) !== '/dev/console');
  const given = new Set(own.map(({ path }) => cleanPath(path)));
  const nodes = [...defaultDevices.filter(({ path }) => !given.has(path)), ...own];
  return [
    ...nodes.map((device) => nodeAct(device, root)),
    ...links.map(([path, target]): Act => ({ verb: 'symlink', root, path, target })),
  ];
}

function nodeAct(device: LinuxDevice, root: number): Act {
  const type = fileType[device.type];
  if (type === undefined) {
    throw new EngineError('invalid', `cannot make device "${device.path}": unknown type "${device.type}"`);
  }
  return {
    verb: 'mknod',
    root,
    path: cleanPath(device.path),
    mode: type | ((device.fileMode ?? defaultMode) & 0o7777),
    major: device.major ?? 0,
    minor: device.minor ?? 0,
    uid: device.uid ?? 0,
    gid: device.gid ?? 0,
  };
}
