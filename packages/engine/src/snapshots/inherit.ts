import { pathOfBytes } from '@gantry/layer';
import {
  close,
  type FileStat,
  fchmod,
  fchown,
  fstat,
  futimens,
  getXattr,
  isSystemError,
  listXattrs,
  open,
  openat2,
  openFlag,
  resolveFlag,
  setXattr,
} from '@gantry/native';

const nanosPerSecond = 1_000_000_000n;

/**
 * Gives a directory that a layer brings without naming it what the nearest layer below has for it. In an overlay the
 * upper directory's owner and mode are the ones that count, so `/tmp` would lose its sticky bit to a layer that only
 * holds `/tmp/x`.
 *
 * @param path byte string below the roots; '' is the root itself
 * @param lowerRoots host paths, topmost first
 */
export function inheritDirectory(path: string, root: string, lowerRoots: readonly string[]): void {
  const target = openBelow(root, path);
  if (target === undefined) return;
  try {
    for (const lowerRoot of lowerRoots) {
      const source = openBelow(lowerRoot, path);
      if (source === undefined) continue;
      try {
        copyMetadata(source, target);
        return;
      } finally {
        close(source);
      }
    }
  } finally {
    close(target);
  }
}

/** Links are not followed: what is a link in one layer is another thing than the directory in the next. */
function openBelow(root: string, path: string): number | undefined {
  const rootFd = open(root, openFlag.readOnly | openFlag.directory | openFlag.noFollow);
  try {
    return openat2(rootFd, path === '' ? '.' : pathOfBytes(path), {
      flags: openFlag.readOnly | openFlag.directory | openFlag.noFollow,
      resolve: resolveFlag.beneath | resolveFlag.noSymlinks | resolveFlag.noMagicLinks,
    });
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  } finally {
    close(rootFd);
  }
}

function copyMetadata(source: number, target: number): void {
  const stat = fstat(source);
  fchown(target, stat);
  fchmod(target, stat.mode & 0o7777);
  for (const name of listXattrs(source)) {
    const value = name.startsWith('trusted.overlay.') ? undefined : getXattr(source, name);
    if (value !== undefined) setXattr(target, name, value);
  }
  futimens(target, timesOf(stat));
}

function timesOf(stat: FileStat): Parameters<typeof futimens>[1] {
  const split = (nanos: bigint) => {
    const fraction = ((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond;
    return { seconds: (nanos - fraction) / nanosPerSecond, nanoseconds: Number(fraction) };
  };
  return { accessed: split(stat.accessedNs), modified: split(stat.modifiedNs) };
}
