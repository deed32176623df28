import { chmodSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { createSubvolume, destroySubvolume, isSystemError, open, openDescriptor, openFlag } from '@gantry/native';
import type { WholeDriver } from './driver.ts';

/** Subvolumes of a btrfs: a copy is a snapshot, made in one step, that shares all bytes until they are written. */
export function openBtrfs(): WholeDriver {
  return {
    kind: 'whole',
    name: 'btrfs',
    status: [['Btrfs', '']],
    sharesBytes: true,
    copiesBy: 'snapshot',
    make: (path) => {
      using parent = openDescriptor(open(dirname(path), openFlag.readOnly | openFlag.directory));
      createSubvolume(parent.fd, basename(path));
      chmodSync(path, 0o755);
    },
    drop: (dirFd, name) => {
      try {
        destroySubvolume(dirFd, name);
      } catch (error) {
        // It is none, or a container made others in it: then it goes as any tree does.
        if (!isSystemError(error, 'ENOENT', 'ENOTEMPTY', 'EINVAL', 'ENOTDIR')) throw error;
      }
    },
  };
}
