import { EngineError } from '@gantry/base';
import type { VolumeRecord } from './types.ts';

/** The only driver: directories of this host. */
export const localDriver = 'local';

const allowedCharacters = '[a-zA-Z0-9][a-zA-Z0-9_.-]';
/** The name is a directory's: NAME_MAX. */
const longestName = 255;

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** What a volume can be called; `checkVolumeName` says why not. */
export function isVolumeName(name: string): boolean {
  return namePattern.test(name) && name.length <= longestName;
}

/** @throws invalid with Docker's texts */
export function checkVolumeName(name: string): void {
  const refuse = (why: string): never => {
    throw new EngineError('invalid', `create ${name}: ${why}`);
  };
  if (name.length === 1) refuse('volume name is too short, names should be at least two alphanumeric characters');
  if (!namePattern.test(name))
    refuse(
      `"${name}" includes invalid characters for a local volume name, only "${allowedCharacters}" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  if (name.length > longestName) refuse(`volume name is too long (maximum ${longestName} characters)`);
}

/** An option that makes sense only beside others. */
const needs: Readonly<Record<string, readonly string[]>> = {
  type: ['device'],
  device: ['type'],
  o: ['device', 'type'],
};

/** @throws invalid with Docker's texts; unsupported for a size, which needs quotas of the filesystem */
export function checkVolumeOptions(name: string, options: Readonly<Record<string, string>>): void {
  for (const key of Object.keys(options)) {
    if (key === 'size')
      throw new EngineError(
        'unsupported',
        `cannot create volume "${name}": option "size" needs quotas, which are not supported`,
      );
    if (needs[key] === undefined) throw new EngineError('invalid', `create ${name}: invalid option: "${key}"`);
    for (const other of needs[key])
      if ((options[other] ?? '') === '')
        throw new EngineError('invalid', `create ${name}: missing required option: "${other}"`);
  }
}

/**
 * The host directory that a container gets for a volume: its own data, or the directory that `type=none,o=bind` names.
 *
 * @throws unsupported for volumes that would have to be mounted first
 */
export function volumeDirectory(volume: VolumeRecord): { readonly path: string; readonly readOnly: boolean } {
  const { type, device = '', o = '' } = volume.options;
  if (type === undefined) return { path: volume.mountpoint, readOnly: false };
  const words = o.split(',').filter((word) => word !== '');
  const isBind = words.some((word) => word === 'bind' || word === 'rbind');
  const others = words.filter((word) => !['bind', 'rbind', 'ro', 'rw'].includes(word));
  if (!isBind || others.length > 0 || !device.startsWith('/'))
    throw new EngineError(
      'unsupported',
      `cannot mount volume "${volume.name}": type "${type}" with options "${o}" is not supported`,
      { hint: 'only directories of this host: --opt type=none --opt o=bind --opt device=/path' },
    );
  return { path: device, readOnly: words.includes('ro') };
}
