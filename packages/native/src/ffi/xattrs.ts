import { checked, type PathLike, pathAddress, trySyscall } from './libc.ts';

const decoder = new TextDecoder();

/**
 * Extended attributes of what a descriptor stands for. An O_PATH descriptor works too, and so does one of a symbolic
 * link: the kernel takes such only through /proc/self/fd, where the last step lands on the file itself.
 */
const nameOf = (fd: number): string => `/proc/self/fd/${fd}`;

/** Sets one attribute, new or not. @throws SystemError EOPNOTSUPP, EPERM, … */
export function setXattr(fd: number, name: PathLike, value: Uint8Array): void {
  const path = pathAddress(nameOf(fd));
  checked(trySyscall('setxattr', path, pathAddress(name, 1), value, value.length, 0), 'setxattr', name);
}

/** @returns the value, or undefined when there is none */
export function getXattr(fd: number, name: PathLike): Uint8Array | undefined {
  const value = new Uint8Array(65536);
  const length = trySyscall('getxattr', pathAddress(nameOf(fd)), pathAddress(name, 1), value, value.length);
  // ENODATA: no such attribute; EOPNOTSUPP: this filesystem has none of its kind.
  if (length === -61 || length === -95) return undefined;
  return value.slice(0, checked(length, 'getxattr', name));
}

export function listXattrs(fd: number): string[] {
  const names = new Uint8Array(65536);
  const length = trySyscall('listxattr', pathAddress(nameOf(fd)), names, names.length);
  if (length === -95) return [];
  return decoder
    .decode(names.subarray(0, checked(length, 'listxattr')))
    .split('\0')
    .filter((name) => name !== '');
}

export function removeXattr(fd: number, name: PathLike): void {
  checked(trySyscall('removexattr', pathAddress(nameOf(fd)), pathAddress(name, 1)), 'removexattr', name);
}
