import { close, type FileStat, isSystemError, open, openat2, openFlag, readDirectory } from '@gantry/native';
import { Directories } from './apply/directories.ts';
import { splitPath } from './apply/entry-path.ts';
import { pathOfBytes } from './byte-string.ts';
import { statIfThere } from './stat-if-there.ts';

const directoryType = 0o040000;
const typeMask = 0o170000;
const dot = new TextEncoder().encode('.');
/** So many entries, then others get their turn. */
const batchEntries = 2000;

/**
 * Sums the bytes of all files below a directory, each inode once, without following links. Sizes are apparent and
 * directories count nothing, as Docker counts: a hole is as large as what it stands for.
 */
export async function measureTree(path: string): Promise<number> {
  const root = open(path, openFlag.readOnly | openFlag.directory | openFlag.noFollow);
  try {
    const steps = measureSteps(root);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  } finally {
    close(root);
  }
}

/** The same for a thread that has nothing else to do, below an open directory. */
export function measureTreeAt(root: number): number {
  const steps = measureSteps(root);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The same of single files below an open directory; paths are byte strings, and directories count nothing. */
export function measurePaths(root: number, paths: readonly string[]): number {
  const count = openCount();
  using directories = new Directories(root);
  for (const path of paths) {
    const { parent, name } = splitPath(path);
    const fd = directories.find(parent);
    const stat = fd === undefined ? undefined : statIfThere(fd, pathOfBytes(name));
    if (stat !== undefined && (stat.mode & typeMask) !== directoryType) count.add(stat);
  }
  return count.totalBytes();
}

/** Sums files' bytes, those of an inode with several names once. */
function openCount() {
  const seen = new Set<string>();
  let total = 0;
  return {
    add: (stat: FileStat): void => {
      if (stat.linkCount > 1) {
        const inode = `${stat.deviceMajor}:${stat.deviceMinor}:${stat.inode}`;
        if (seen.has(inode)) return;
        seen.add(inode);
      }
      total += stat.sizeBytes;
    },
    totalBytes: () => total,
  };
}

/** An open directory, and those of its directories that nobody has looked into. */
type Level = { readonly fd: number; readonly directories: Uint8Array[] };

/**
 * SAFETY: a container can make a tree deeper than any stack. So there is no recursion here, and a directory is closed
 * when its last one is opened: a chain of any length takes two descriptors.
 */
function* measureSteps(root: number): Generator<void, number, void> {
  const count = openCount();
  let entries = 0;
  const levels: Level[] = [];
  try {
    for (let fd = openChild(root, dot); ; fd = openNext(levels)) {
      if (fd === undefined) return count.totalBytes();
      const level: Level = { fd, directories: [] };
      levels.push(level);
      for (const { name } of readDirectory(fd)) {
        if (++entries % batchEntries === 0) yield;
        const stat = statIfThere(fd, name);
        if (stat === undefined) continue;
        if ((stat.mode & typeMask) === directoryType) level.directories.push(name);
        else count.add(stat);
      }
    }
  } finally {
    for (const { fd } of levels) close(fd);
  }
}

/** The next directory that nobody has looked into; undefined when there is none. */
function openNext(levels: Level[]): number | undefined {
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const name = level.directories.pop();
    const child = name === undefined ? undefined : openChild(level.fd, name);
    if (level.directories.length === 0) {
      levels.pop();
      close(level.fd);
    }
    if (child !== undefined) return child;
  }
  return undefined;
}

function openChild(fd: number, name: Uint8Array): number | undefined {
  try {
    return openat2(fd, name, { flags: openFlag.readOnly | openFlag.directory | openFlag.noFollow });
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}
