import { checked, trySyscall } from './libc.ts';

/** Requests of linux/btrfs.h; their argument is a descriptor and a name in 4,096 bytes. */
const request = { snapshot: 0x50009401, create: 0x5000940e, destroy: 0x5000940f } as const;
const argumentBytes = 4096;
const nameAt = 8;

/** Makes an empty subvolume in a directory of a btrfs. @throws SystemError ENOTTY on any other filesystem, EEXIST */
export function createSubvolume(dirFd: number, name: string): void {
  ask(dirFd, 'create', { name, source: 0 });
}

/** Makes a subvolume that shares all it holds with the one that `source` is the top of. @throws SystemError */
export function snapshotSubvolume(dirFd: number, name: string, source: number): void {
  ask(dirFd, 'snapshot', { name, source });
}

/** Removes a subvolume with all its files, which the kernel clears away later. @throws SystemError ENOTEMPTY, ENOTTY */
export function destroySubvolume(dirFd: number, name: string): void {
  ask(dirFd, 'destroy', { name, source: 0 });
}

function ask(dirFd: number, what: keyof typeof request, { name, source }: { name: string; source: number }): void {
  const argument = Buffer.alloc(argumentBytes);
  argument.writeBigInt64LE(BigInt(source), 0);
  argument.write(name, nameAt, 'utf8');
  checked(trySyscall('ioctl', dirFd, request[what], argument), 'ioctl', name);
}

/** Makes one file share another's bytes until one of them is written. @returns false where the filesystem cannot */
export function cloneFile(from: number, to: number): boolean {
  const clone = 0x40049409;
  const result = trySyscall('ioctl', to, clone, from);
  // EOPNOTSUPP, ENOTTY: not this filesystem; EXDEV: not between these two; EINVAL: not this file.
  if ([-95, -25, -18, -22].includes(result)) return false;
  checked(result, 'ioctl');
  return true;
}
