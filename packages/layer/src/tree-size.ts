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
  const seen = new Set<string>();
  let total = 0;
  let entries = 0;
  const root = open(path, openFlag.readOnly | openFlag.directory | openFlag.noFollow);
  const count = (stat: FileStat): void => {
    if (stat.linkCount > 1) {
      const inode = `${stat.deviceMajor}:${stat.deviceMinor}:${stat.inode}`;
      if (seen.has(inode)) return;
      seen.add(inode);
    }
    total += stat.sizeBytes;
  };
  const visit = async (fd: number): Promise<void> => {
    for (const { name } of readDirectory(fd)) {
      if (++entries % batchEntries === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      const stat = statOf(fd, name);
      if (stat === undefined) continue;
      if ((stat.mode & typeMask) !== directoryType) count(stat);
      else await withDirectory(fd, name, visit);
    }
  };
  try {
    await visit(root);
    return total;
  } finally {
    close(root);
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

async function withDirectory(fd: number, name: Uint8Array, visit: (fd: number) => Promise<void>): Promise<void> {
  let child: number;
  try {
    child = openat2(fd, name, { flags: openFlag.readOnly | openFlag.directory | openFlag.noFollow });
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return;
    throw error;
  }
  try {
    await visit(child);
  } finally {
    close(child);
  }
}
