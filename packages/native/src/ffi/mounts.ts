import { checked, type PathLike, pathAddress, syscall, trySyscall } from './libc.ts';

export const unmountFlag = { force: 1, detach: 2, expire: 4, noFollow: 8 } as const;

/** Unmounts a host path without following a final link. @throws SystemError EINVAL when nothing is mounted there */
export function umount(path: PathLike, flags: number = unmountFlag.detach): void {
  checked(trySyscall('umount2', pathAddress(path), flags | unmountFlag.noFollow), 'umount2', path);
}

/** mount(2) on a host path; `data` is the option text of the filesystem. */
export function mount(
  source: PathLike,
  target: PathLike,
  options: { readonly type?: string; readonly flags?: number; readonly data?: string } = {},
): void {
  // Three texts more than there are scratch slots: these two live in buffers of their own.
  const type = options.type === undefined ? null : Buffer.from(`${options.type}\0`);
  const data = options.data === undefined ? null : Buffer.from(`${options.data}\0`);
  const from = pathAddress(source, 1);
  checked(trySyscall('mount', from, pathAddress(target), type, options.flags ?? 0, data), 'mount', target);
}

/** A detached copy of the mount at a path: it exists only as long as the descriptor (or a move_mount of it). */
export function openTree(dirFd: number, path: PathLike, recursive: boolean): number {
  const cloneCloexec = 1 | 0o2000000;
  const flags = cloneCloexec | (recursive ? 0x8000 : 0);
  return checked(trySyscall('open_tree', dirFd, pathAddress(path), flags), 'open_tree', path);
}

/** Attaches a detached mount onto an open directory or file, whatever its path has become. */
export function moveMount(mountFd: number, targetFd: number): void {
  const emptyPaths = 0x4 | 0x40;
  const empty = pathAddress('');
  syscall('move_mount', mountFd, empty, targetFd, empty, emptyPaths);
}
