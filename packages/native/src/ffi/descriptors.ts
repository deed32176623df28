import { syscall } from './libc.ts';

const duplicateCloseOnExec = 1030;
const setFlags = 2;
const closeOnExecFlag = 1;

/** Another descriptor of the same open file, close-on-exec. */
export function duplicate(fd: number): number {
  return syscall('fcntl', fd, duplicateCloseOnExec, 0);
}

/** Keeps a descriptor that was inherited from what this process executes. @throws SystemError EBADF when it is not open */
export function closeOnExec(fd: number): void {
  syscall('fcntl', fd, setFlags, closeOnExecFlag);
}

/** Takes a duplicate, close-on-exec, of a descriptor of another process, which this one must be allowed to trace. */
export function takeDescriptor(pidfd: number, fd: number): number {
  return syscall('pidfd_getfd', pidfd, fd, 0);
}
