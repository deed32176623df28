import {
  close,
  type FileStat,
  fstat,
  getXattr,
  open,
  openat2,
  openFlag,
  type PathLike,
  readlinkat,
  type Timespec,
  xattrNames,
} from '@gantry/native';
import { rawToString } from '../byte-string.ts';
import type { EntryKind, TarEntry } from '../tar/entry.ts';
import { plainEntry } from '../tar/writer.ts';

const typeMask = 0o170000;
// A map: as keys of an object, Biome's fixer rewrites octal numbers, and rewrites them wrongly.
const kinds: ReadonlyMap<number, EntryKind> = new Map([
  [0o010000, 'fifo'],
  [0o020000, 'character'],
  [0o040000, 'directory'],
  [0o060000, 'block'],
  [0o100000, 'file'],
  [0o120000, 'symlink'],
]);

/** What a file is; undefined for a socket, which no archive holds. */
export function kindOf({ mode }: Pick<FileStat, 'mode'>): EntryKind | undefined {
  return kinds.get(mode & typeMask);
}

/** Tells overlayfs's mark for "the lower one is gone". */
export function isWhiteout(stat: FileStat): boolean {
  return kindOf(stat) === 'character' && stat.nodeMajor === 0 && stat.nodeMinor === 0;
}

const nanosPerSecond = 1_000_000_000n;

export function timespecOf(nanos: bigint): Timespec {
  const fraction = ((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond;
  return { seconds: (nanos - fraction) / nanosPerSecond, nanoseconds: Number(fraction) };
}

/** A node that is being read. `fd` is open for reading when it is a file or a directory, else it only stands for the node. */
export type OpenNode = Disposable & {
  readonly fd: number;
  readonly stat: FileStat;
  readonly kind: EntryKind | undefined;
};

/**
 * Opens a name in a directory, whatever it is, without following a link and without waiting on a fifo.
 *
 * SAFETY: first as a mere handle, whose kind is known before anything is opened for reading: opening a device or a fifo
 * of a hostile tree would act on it, and a name that is swapped in between is another handle, not another file.
 */
export function openNode(dirFd: number, name: PathLike): OpenNode {
  return adoptHandle(openat2(dirFd, name, { flags: openFlag.path | openFlag.noFollow }));
}

/** The same for what is open as a handle already; the handle is closed, or becomes the node's. */
export function adoptHandle(handle: number): OpenNode {
  try {
    const stat = fstat(handle);
    const kind = kindOf(stat);
    if (kind !== 'file' && kind !== 'directory') return node(handle, stat, kind);
    const fd = open(`/proc/self/fd/${handle}`, openFlag.readOnly);
    close(handle);
    return node(fd, stat, kind);
  } catch (error) {
    close(handle);
    throw error;
  }
}

function node(fd: number, stat: FileStat, kind: EntryKind | undefined): OpenNode {
  return { fd, stat, kind, [Symbol.dispose]: () => close(fd) };
}

/** Labels of this host mean nothing elsewhere, and overlayfs's words would mean something else. */
export function isPortable(name: string): boolean {
  if (name.startsWith('security.')) return name === 'security.capability';
  return !name.startsWith('trusted.overlay.') && !name.startsWith('user.overlay.');
}

/** Describes an open node as an archive has it, under this path (a byte string). A directory's path ends in a slash. */
export function entryOf({ fd, stat, kind }: OpenNode & { readonly kind: EntryKind }, path: string): TarEntry {
  const names = xattrNames(fd).filter(isPortable).sort();
  const xattrs = names.flatMap((name): [string, Uint8Array][] => {
    const value = getXattr(fd, name);
    return value === undefined ? [] : [[name, value]];
  });
  return plainEntry({
    kind,
    path: kind === 'directory' && !path.endsWith('/') ? `${path}/` : path,
    linkPath: kind === 'symlink' ? rawToString(readlinkat(fd, '')) : '',
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    sizeBytes: kind === 'file' ? stat.sizeBytes : 0,
    modified: timespecOf(stat.modifiedNs),
    major: kind === 'character' || kind === 'block' ? stat.nodeMajor : 0,
    minor: kind === 'character' || kind === 'block' ? stat.nodeMinor : 0,
    xattrs: new Map(xattrs),
  });
}
