import {
  atFdcwd,
  close,
  fchmod,
  fchmodat,
  fchown,
  fchownat,
  futimens,
  isSystemError,
  openat2,
  openFlag,
  type PathLike,
  setXattr,
  type Timespec,
  utimensat,
} from '@gantry/native';
import type { TarEntry } from '../tar/entry.ts';

export type Times = { readonly accessed: Timespec; readonly modified: Timespec };

export function timesOf(entry: TarEntry): Times {
  return { accessed: entry.accessed ?? entry.modified, modified: entry.modified };
}

/** Owner, then mode, then attributes, then times: chown clears set-ID bits and capabilities, and all of them touch ctime only. */
export function setMetadata(fd: number, entry: TarEntry): void {
  fchown(fd, entry);
  fchmod(fd, entry.mode);
  setXattrs(fd, entry);
  futimens(fd, timesOf(entry));
}

export function setLinkMetadata(entry: TarEntry, dir: number, name: PathLike): void {
  fchownat(dir, name, entry);
  if (entry.xattrs.size > 0) withNode(dir, name, (fd) => setXattrs(fd, entry));
  utimensat(dir, name, timesOf(entry));
}

/**
 * mknod applies the umask, so the mode is set again.
 *
 * SAFETY: by a handle and not by name: chmod(2) follows links, and in a container that runs the node of a moment ago may
 * have become a link to a file of the host by now (CVE-2021-32760).
 */
export function setNodeMetadata(entry: TarEntry, dir: number, name: PathLike): void {
  withNode(dir, name, (fd) => {
    fchownat(fd, '', entry);
    fchmodat(atFdcwd, `/proc/self/fd/${fd}`, entry.mode);
    setXattrs(fd, entry);
  });
  utimensat(dir, name, timesOf(entry));
}

function withNode(dir: number, name: PathLike, act: (fd: number) => void): void {
  const fd = openat2(dir, name, { flags: openFlag.path | openFlag.noFollow });
  try {
    act(fd);
  } finally {
    close(fd);
  }
}

function setXattrs(fd: number, entry: TarEntry): void {
  for (const [name, value] of entry.xattrs) {
    // SAFETY: these are overlayfs's own words; an image that wrote them could point a directory at another one.
    if (name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.')) continue;
    try {
      setXattr(fd, name, value);
    } catch (error) {
      // Docker does the same: a filesystem or a file type without this kind of attribute does without it.
      if (!isSystemError(error, 'EOPNOTSUPP', 'EPERM')) throw error;
    }
  }
}
