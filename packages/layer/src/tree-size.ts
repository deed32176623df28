import { close, type FileStat, isSystemError, open, openat2, openFlag, readDirectory, statAt } from '@gantry/native';

const directoryType = 0o040000;
const typeMask = 0o170000;
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

function* measureSteps(root: number): Generator<void, number, void> {
  const seen = new Set<string>();
  let total = 0;
  let entries = 0;
  const count = (stat: FileStat): void => {
    if (stat.linkCount > 1) {
      const inode = `${stat.deviceMajor}:${stat.deviceMinor}:${stat.inode}`;
      if (seen.has(inode)) return;
      seen.add(inode);
    }
    total += stat.sizeBytes;
  };
  function* visit(fd: number): Generator<void, void, void> {
    for (const { name } of readDirectory(fd)) {
      if (++entries % batchEntries === 0) yield;
      const stat = statOf(fd, name);
      if (stat === undefined) continue;
      if ((stat.mode & typeMask) !== directoryType) {
        count(stat);
        continue;
      }
      const child = openChild(fd, name);
      if (child === undefined) continue;
      try {
        yield* visit(child);
      } finally {
        close(child);
      }
    }
  }
  // The descriptor may have been read before.
  const fresh = openat2(root, '.', { flags: openFlag.readOnly | openFlag.directory });
  try {
    yield* visit(fresh);
    return total;
  } finally {
    close(fresh);
  }
}

/** A container may be changing the tree meanwhile: what is gone does not count. */
function statOf(fd: number, name: Uint8Array): FileStat | undefined {
  try {
    return statAt(fd, name);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function openChild(fd: number, name: Uint8Array): number | undefined {
  try {
    return openat2(fd, name, { flags: openFlag.readOnly | openFlag.directory | openFlag.noFollow });
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}
