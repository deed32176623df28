import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A name that no volume can have, so that what waits for its end never meets a new volume of the old name. */
const doomedPrefix = '.removing-';

/** The directories under `<dataRoot>/volumes`. */
export type VolumeDirectories = {
  /** Where the content of a volume lies: `<name>/_data`. */
  dataPath(name: string): string;
  /** Makes an empty one; a leftover of the same name is moved out of the way. */
  make(name: string): void;
  /** Out of sight at once, gone when the promise settles. */
  remove(name: string): Promise<void>;
  /** Names of all directories that are there, doomed ones too. */
  names(): readonly string[];
};

/** Opens the directory of all volumes, making it when it is missing. Others may pass through it and not look around. */
export function openVolumeDirectories(dataRoot: string, randomName: () => string): VolumeDirectories {
  const root = join(dataRoot, 'volumes');
  makeDirectory(root, 0o701);
  const doom = (name: string): string => {
    const doomed = join(root, doomedPrefix + randomName());
    renameSync(join(root, name), doomed);
    return doomed;
  };
  return {
    dataPath: (name) => join(root, name, '_data'),
    make: (name) => {
      const path = join(root, name);
      if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) doom(name);
      makeDirectory(path, 0o701);
      makeDirectory(join(path, '_data'), 0o755);
    },
    remove: async (name) => {
      if (lstatSync(join(root, name), { throwIfNoEntry: false }) === undefined) return;
      await rm(name.startsWith(doomedPrefix) ? join(root, name) : doom(name), { recursive: true, force: true });
    },
    names: () => readdirSync(root),
  };
}

/** The mode holds whatever the umask says. */
function makeDirectory(path: string, mode: number): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
}

/** How many entries are looked at together: keeps the thread pool busy and the memory small. */
const batchSize = 64;

/**
 * Counts the bytes of all files in a tree, each inode once, as Docker does: apparent sizes, without directories. Entries
 * that vanish meanwhile count nothing.
 */
export async function directorySize(path: string): Promise<number> {
  const counted = new Set<string>();
  const pending = [path];
  let bytes = 0;
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const here = directory;
    const entries = await readdir(here, { withFileTypes: true }).catch(ignoreVanished);
    pending.push(...entries.filter((entry) => entry.isDirectory()).map((entry) => join(here, entry.name)));
    const files = entries.filter((entry) => !entry.isDirectory());
    for (let first = 0; first < files.length; first += batchSize) {
      const batch = files.slice(first, first + batchSize);
      const stats = await Promise.all(batch.map((entry) => lstat(join(here, entry.name)).catch(ignoreVanished)));
      for (const stat of stats.flat()) {
        const inode = `${stat.dev}:${stat.ino}`;
        if (!counted.has(inode)) bytes += stat.size;
        if (stat.nlink > 1) counted.add(inode);
      }
    }
  }
  return bytes;
}

function ignoreVanished(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
  throw error;
}
