import { atFlag } from './files.ts';
import { checked, type PathLike, pathAddress, syscall, trySyscall } from './libc.ts';

const recursiveFlag = 0x8000;

/** A detached copy of the mount that a descriptor is on, seen from that descriptor; `openTree` for what is open already. */
export function cloneTree(fd: number, recursive: boolean): number {
  const cloneCloexec = 1 | 0o2000000;
  const flags = cloneCloexec | atFlag.emptyPath | (recursive ? recursiveFlag : 0);
  return checked(trySyscall('open_tree', fd, pathAddress(''), flags), 'open_tree');
}

export const mountAttribute = { readOnly: 1, noSetId: 2, noDevices: 4, noExec: 8 } as const;

/** MS_PRIVATE: what is mounted below from now on is seen by nobody else. */
const privatePropagation = 0x40000n;

/** Sets attributes on a mount and all mounts below it, and cuts them off from their peers. @throws SystemError */
export function setMountAttributes(fd: number, attributes: number): void {
  const sizeBytes = 32;
  const attr = BigUint64Array.of(BigInt(attributes), 0n, privatePropagation, 0n);
  syscall('mount_setattr', fd, pathAddress(''), atFlag.emptyPath | recursiveFlag, attr, sizeBytes);
}

/**
 * Changes the current directory of the calling thread: after `unshare(cloneFlag.newNs)`, or it is the whole process's.
 *
 * @throws SystemError
 */
export function changeDirectory(path: PathLike): void {
  checked(trySyscall('chdir', pathAddress(path)), 'chdir', path);
}
