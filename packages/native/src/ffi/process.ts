import { checked, type PathLike, pathAddress, syscall, trySyscall } from './libc.ts';

/** CLONE_NEW* and friends: what setns, unshare and clone3 name a kind of namespace with. */
export const cloneFlag = {
  newTime: 0x80,
  fs: 0x200,
  newNs: 0x20000,
  newCgroup: 0x2000000,
  newUts: 0x4000000,
  newIpc: 0x8000000,
  newUser: 0x10000000,
  newPid: 0x20000000,
  newNet: 0x40000000,
} as const;

/**
 * Moves the calling thread into the namespaces of a namespace file or pidfd.
 *
 * SAFETY: only this thread moves. Do it synchronously and move back before anything awaits, or in a worker that ends.
 */
export function setns(fd: number, flags: number): void {
  syscall('setns', fd, flags);
}

/** Gives the calling thread namespaces (or, with `fs`, a root and cwd) of its own; the warning of setns holds. */
export function unshare(flags: number): void {
  syscall('unshare', flags);
}

/** A descriptor of a process: it never comes to mean another one, and polls readable when the process has ended. */
export function pidfdOpen(pid: number): number {
  return syscall('pidfd_open', pid, 0);
}

/** Signals the process of a pidfd. @returns false when it has ended */
export function pidfdSendSignal(pidfd: number, signal: number): boolean {
  const result = trySyscall('pidfd_send_signal', pidfd, signal, null, 0);
  if (result === -3) return false;
  checked(result, 'pidfd_send_signal');
  return true;
}

export function kill(pid: number, signal: number): void {
  syscall('kill', pid, signal);
}

/** Changes the root of the calling thread: after `unshare(cloneFlag.fs)`, or it is the whole process's. */
export function chroot(path: PathLike): void {
  checked(trySyscall('chroot', pathAddress(path)), 'chroot', path);
}
