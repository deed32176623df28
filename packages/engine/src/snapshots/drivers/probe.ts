import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@gantry/base';
import {
  createSubvolume,
  destroySubvolume,
  isSystemError,
  makeDevice,
  mknodat,
  mountDetached,
  open,
  openDescriptor,
  openFlag,
  readDirectory,
  setXattr,
  statAt,
  unlinkat,
} from '@gantry/native';
import type { DriverName } from './driver.ts';
import { filesystemName } from './filesystem-name.ts';

const characterDevice = 0o020000;
const directoryType = 4;

/**
 * Finds out what this disk and kernel lack for a driver, by doing what it does. It takes a millisecond.
 *
 * @param directory an existing one on the data root's disk, of this daemon alone
 * @returns undefined when nothing is missing, else the end of a sentence
 */
export function lacksFor(name: DriverName, directory: string): string | undefined {
  if (name === 'vfs') return undefined;
  const place = mkdtempSync(join(directory, '.probe-'));
  try {
    if (name === 'btrfs') return lacksSubvolumes(place);
    return name === 'overlay2' ? (lacksMarks(place) ?? lacksOverlay(place)) : (lacksFuse() ?? lacksMarks(place));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** Whether a disk takes what layers say in overlayfs's form. */
function lacksMarks(place: string): string | undefined {
  const disk = `the disk (${filesystemName(place)})`;
  const layer = join(place, 'lower');
  mkdirSync(join(layer, 'opaque'), { recursive: true });
  writeFileSync(join(layer, 'gone'), '');
  using fd = openDescriptor(open(layer, openFlag.readOnly | openFlag.directory));
  if (
    readDirectory(fd.fd).some(({ name, type }) => String.fromCharCode(...name) === 'opaque' && type !== directoryType)
  )
    return `${disk} does not tell the types of files in a directory's list (d_type)`;
  const marks = [
    {
      what: 'whiteouts (character devices 0:0)',
      make: () => mknodat(fd.fd, 'whiteout', { mode: characterDevice, device: makeDevice(0, 0) }),
    },
    { what: 'attributes of the kind trusted.overlay', make: () => setOpaque(join(layer, 'opaque')) },
  ];
  for (const { what, make } of marks) {
    const why = failureOf(make);
    if (why !== undefined) return `${disk} takes no ${what}: ${why}`;
  }
  return undefined;
}

function setOpaque(path: string): void {
  using fd = openDescriptor(open(path, openFlag.readOnly | openFlag.directory));
  setXattr(fd.fd, 'trusted.overlay.opaque', Buffer.from('y'));
}

/** Mounts an overlay in no place, and looks whether what is removed there leaves a whiteout, and what is made anew hides. */
function lacksOverlay(place: string): string | undefined {
  for (const name of ['upper', 'work']) mkdirSync(join(place, name));
  // Options are short texts, and a data root's path may be long.
  using base = openDescriptor(open(place, openFlag.path | openFlag.directory));
  const at = (name: string): string => `/proc/self/fd/${base.fd}/${name}`;
  const options = { lowerdir: at('lower'), upperdir: at('upper'), workdir: at('work') };
  try {
    using merged = openDescriptor(mountDetached('overlay', options));
    unlinkat(merged.fd, 'gone');
  } catch (error) {
    if (isSystemError(error, 'ENODEV')) return 'the kernel has no overlayfs';
    return `the kernel takes no overlay on the disk (${filesystemName(place)}): ${messageOf(error)}`;
  }
  const left = statAt(base.fd, 'upper/gone');
  return left.nodeMajor === 0 && left.nodeMinor === 0 ? undefined : 'an overlay leaves no whiteout on the disk';
}

function lacksSubvolumes(place: string): string | undefined {
  const type = filesystemName(place);
  if (type !== 'btrfs') return `the disk is no btrfs but ${type}`;
  using fd = openDescriptor(open(place, openFlag.readOnly | openFlag.directory));
  const why = failureOf(() => {
    createSubvolume(fd.fd, 'subvolume');
    destroySubvolume(fd.fd, 'subvolume');
  });
  return why === undefined ? undefined : `the disk makes and removes no subvolumes: ${why}`;
}

function lacksFuse(): string | undefined {
  if (Bun.which('fuse-overlayfs') === null) return 'there is no program fuse-overlayfs on this machine';
  const why = failureOf(() => openDescriptor(open('/dev/fuse', openFlag.readWrite))[Symbol.dispose]());
  return why === undefined ? undefined : `/dev/fuse cannot be opened: ${why}`;
}

function failureOf(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return messageOf(error);
  }
}
