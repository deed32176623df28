import { checked, type PathLike, pathAddress, syscall, trySyscall } from './libc.ts';

/** Stands for the current directory where a directory descriptor is asked for. Host paths only. */
export const atFdcwd = -100;

export const openFlag = {
  readOnly: 0,
  writeOnly: 1,
  readWrite: 2,
  create: 0o100,
  exclusive: 0o200,
  noControllingTty: 0o400,
  truncate: 0o1000,
  append: 0o2000,
  nonBlock: 0o4000,
  // Of the four flags that differ between the two processors only these two matter here.
  directory: process.arch === 'arm64' ? 0o40000 : 0o200000,
  noFollow: process.arch === 'arm64' ? 0o100000 : 0o400000,
  closeOnExec: 0o2000000,
  path: 0o10000000,
  tmpfile: 0o20000000 | (process.arch === 'arm64' ? 0o40000 : 0o200000),
} as const;

/** How openat2 walks a path. `inRoot` treats the directory as `/`; `beneath` refuses to leave it. */
export const resolveFlag = { noXdev: 1, noMagicLinks: 2, noSymlinks: 4, beneath: 8, inRoot: 16, cached: 32 } as const;

export const atFlag = { symlinkNoFollow: 0x100, removeDir: 0x200, symlinkFollow: 0x400, emptyPath: 0x1000 } as const;

export const renameFlag = { noReplace: 1, exchange: 2, whiteout: 4 } as const;

const openHow = new BigUint64Array(3);

/**
 * Opens a path below a directory descriptor, close-on-exec. With `resolve: resolveFlag.inRoot | resolveFlag.noMagicLinks`
 * no component leaves the directory, whatever links a hostile tree holds.
 *
 * @returns the descriptor, owned by the caller
 * @throws SystemError
 */
export function openat2(
  dirFd: number,
  path: PathLike,
  how: { readonly flags: number; readonly mode?: number; readonly resolve?: number },
): number {
  openHow[0] = BigInt(how.flags | openFlag.closeOnExec);
  openHow[1] = BigInt(how.mode ?? 0);
  openHow[2] = BigInt(how.resolve ?? 0);
  // EAGAIN: a rename elsewhere raced the walk of a ".."; the kernel asks to try again.
  for (let attempt = 0; ; attempt++) {
    const fd = trySyscall('openat2', dirFd, pathAddress(path), openHow, 24);
    if (fd !== -11 || attempt === 64) return checked(fd, 'openat2', path);
  }
}

/** Opens a host path, close-on-exec. @throws SystemError */
export function open(path: PathLike, flags: number, mode = 0): number {
  return openat2(atFdcwd, path, { flags, mode });
}

export function close(fd: number): void {
  syscall('close', fd);
}

/** A descriptor that closes itself at the end of its block: `using dir = openDescriptor(openat2(…))`. */
export function openDescriptor(fd: number): { readonly fd: number } & Disposable {
  return { fd, [Symbol.dispose]: () => close(fd) };
}

export function mkdirat(dirFd: number, path: PathLike, mode: number): void {
  checked(trySyscall('mkdirat', dirFd, pathAddress(path), mode), 'mkdirat', path);
}

/** Makes a link at `path` whose text is `target`. */
export function symlinkat(target: PathLike, dirFd: number, path: PathLike): void {
  checked(trySyscall('symlinkat', pathAddress(target, 1), dirFd, pathAddress(path)), 'symlinkat', path);
}

/** Two names, each below its own directory descriptor. */
export type TwoPaths = {
  readonly fromDir: number;
  readonly from: PathLike;
  readonly toDir: number;
  readonly to: PathLike;
};

/** A hard link; `flags` is of atFlag (`symlinkFollow`, `emptyPath`). */
export function linkat(paths: TwoPaths, flags = 0): void {
  const from = pathAddress(paths.from);
  const to = pathAddress(paths.to, 1);
  checked(trySyscall('linkat', paths.fromDir, from, paths.toDir, to, flags), 'linkat', paths.to);
}

/** Renames; `flags` is of renameFlag. */
export function renameat2(paths: TwoPaths, flags = 0): void {
  const from = pathAddress(paths.from);
  const to = pathAddress(paths.to, 1);
  checked(trySyscall('renameat2', paths.fromDir, from, paths.toDir, to, flags), 'renameat2', paths.from);
}

/** Removes a file, or a directory with `atFlag.removeDir`. */
export function unlinkat(dirFd: number, path: PathLike, flags = 0): void {
  checked(trySyscall('unlinkat', dirFd, pathAddress(path), flags), 'unlinkat', path);
}

/** Packs a device number as the kernel's 32-bit mknod takes it. */
export function makeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** Makes a device, fifo or socket node: `mode` holds the type, `device` comes from makeDevice. */
export function mknodat(dirFd: number, path: PathLike, node: { readonly mode: number; readonly device: number }): void {
  checked(trySyscall('mknodat', dirFd, pathAddress(path), node.mode, node.device), 'mknodat', path);
}

export function readlinkat(dirFd: number, path: PathLike): Uint8Array {
  const target = new Uint8Array(4096);
  const length = trySyscall('readlinkat', dirFd, pathAddress(path), target, target.length);
  return target.subarray(0, checked(length, 'readlinkat', path));
}

export type Owner = { readonly uid: number; readonly gid: number };

export function fchown(fd: number, owner: Owner): void {
  syscall('fchown', fd, owner.uid, owner.gid);
}

/** Changes the owner without following a final link, as every unpacker must. An empty path means the descriptor itself. */
export function fchownat(dirFd: number, path: PathLike, owner: Owner): void {
  const flags = atFlag.symlinkNoFollow | atFlag.emptyPath;
  checked(trySyscall('fchownat', dirFd, pathAddress(path), owner.uid, owner.gid, flags), 'fchownat', path);
}

export function fchmod(fd: number, mode: number): void {
  syscall('fchmod', fd, mode);
}

/** Changes the mode of what `path` names. It follows a final link: use it on what was just made, or on a descriptor. */
export function fchmodat(dirFd: number, path: PathLike, mode: number): void {
  checked(trySyscall('fchmodat', dirFd, pathAddress(path), mode), 'fchmodat', path);
}

/** A time of a file; nanoseconds are below a thousand million. */
export type Timespec = { readonly seconds: number | bigint; readonly nanoseconds: number };

const timespecs = new BigInt64Array(4);

function packTimes(accessed: Timespec, modified: Timespec): BigInt64Array {
  timespecs[0] = BigInt(accessed.seconds);
  timespecs[1] = BigInt(accessed.nanoseconds);
  timespecs[2] = BigInt(modified.seconds);
  timespecs[3] = BigInt(modified.nanoseconds);
  return timespecs;
}

/** Sets the times without following a final link. */
export function utimensat(
  dirFd: number,
  path: PathLike,
  times: { readonly accessed: Timespec; readonly modified: Timespec },
): void {
  const packed = packTimes(times.accessed, times.modified);
  checked(trySyscall('utimensat', dirFd, pathAddress(path), packed, atFlag.symlinkNoFollow), 'utimensat', path);
}

export function futimens(fd: number, times: { readonly accessed: Timespec; readonly modified: Timespec }): void {
  syscall('utimensat', fd, null, packTimes(times.accessed, times.modified), 0);
}

/** Reads at the current offset. @returns bytes read, 0 at the end */
export function readFd(fd: number, into: Uint8Array): number {
  return syscall('read', fd, into, into.length);
}

/** Writes the whole buffer, however many calls that takes. @throws SystemError */
export function writeFd(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    const rest = done === 0 ? bytes : bytes.subarray(done);
    const written = trySyscall('write', fd, rest, rest.length);
    if (written !== -4) done += checked(written, 'write');
  }
}

export function pread(fd: number, into: Uint8Array, offset: number): number {
  return syscall('pread64', fd, into, into.length, offset);
}

/** Writes the whole buffer at an offset. @throws SystemError */
export function pwrite(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; ) {
    const rest = bytes.subarray(done);
    done += syscall('pwrite64', fd, rest, rest.length, offset + done);
  }
}

export function ftruncate(fd: number, sizeBytes: number): void {
  syscall('ftruncate', fd, sizeBytes);
}

export function fsync(fd: number): void {
  syscall('fsync', fd);
}

/** Writes out the whole filesystem that a descriptor is on: one wait in place of one for each file. */
export function syncfs(fd: number): void {
  syscall('syncfs', fd);
}

/** Copies between two files inside the kernel (by reference where the filesystem can). @returns bytes copied */
export function copyFileRange(from: number, to: number, sizeBytes: number): number {
  return syscall('copy_file_range', from, null, to, null, sizeBytes, 0);
}

/** A memory file, close-on-exec and open to seals. */
export function memfdCreate(name: string): number {
  const closeOnExecAndSealable = 3;
  return checked(trySyscall('memfd_create', pathAddress(name), closeOnExecAndSealable), 'memfd_create', name);
}

/**
 * A memory file that nobody can change any more. What a container can reach of the host through /proc/self/exe is
 * such a copy (CVE-2019-5736).
 */
export function sealedMemfd(name: string, bytes: Uint8Array): number {
  const fd = memfdCreate(name);
  try {
    writeFd(fd, bytes);
    const addSeals = 1033;
    const sealShrinkGrowWrite = 1 | 2 | 4 | 8;
    syscall('fcntl', fd, addSeals, sealShrinkGrowWrite);
    syscall('lseek', fd, 0, 0);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Locks a whole open file without waiting. @returns false when somebody else holds it */
export function tryLock(fd: number): boolean {
  const exclusiveNonBlocking = 2 | 4;
  const result = trySyscall('flock', fd, exclusiveNonBlocking);
  if (result === -11) return false;
  checked(result, 'flock');
  return true;
}

/** One entry of a directory: the bytes of its name, its inode and its DT_* type (0 when the filesystem does not say). */
export type DirectoryEntry = { readonly name: Uint8Array; readonly inode: bigint; readonly type: number };

const listed = new Uint8Array(32768);
const listedView = new DataView(listed.buffer);

/** Lists an open directory without `.` and `..`, in the filesystem's order. Reads from the descriptor's offset. */
export function readDirectory(fd: number): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (;;) {
    const length = syscall('getdents64', fd, listed, listed.length);
    if (length === 0) return entries;
    for (let at = 0; at < length; at += listedView.getUint16(at + 16, true)) {
      const end = listed.indexOf(0, at + 19);
      const name = listed.slice(at + 19, end);
      if (!isDot(name))
        entries.push({ name, inode: listedView.getBigUint64(at, true), type: listedView.getUint8(at + 18) });
    }
  }
}

function isDot(name: Uint8Array): boolean {
  return name[0] === 46 && (name.length === 1 || (name.length === 2 && name[1] === 46));
}
