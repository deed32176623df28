import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
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
  /** Names of all directories that are there, also of what a removal left that did not come to its end. */
  names(): readonly string[];
  /** Its removal goes on. */
  isGoing(name: string): boolean;
  exists(name: string): boolean;
  isEmpty(name: string): boolean;
};

/** Opens the directory of all volumes, making it when it is missing. Others may pass through it and not look around. */
export function openVolumeDirectories(dataRoot: string, randomName: () => string): VolumeDirectories {
  const root = join(dataRoot, 'volumes');
  makeDirectory(root, 0o701);
  const going = new Set<string>();
  const doom = (name: string): string => {
    const doomed = doomedPrefix + randomName();
    renameSync(join(root, name), join(root, doomed));
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
      const doomed = isDoomed(name) ? name : doom(name);
      going.add(doomed);
      try {
        await rm(join(root, doomed), { recursive: true, force: true });
      } finally {
        going.delete(doomed);
      }
    },
    names: () => readdirSync(root),
    isGoing: (name) => going.has(name),
    isEmpty: (name) => readdirSync(join(root, name, '_data')).length === 0,
    exists: (name) => lstatSync(join(root, name, '_data'), { throwIfNoEntry: false })?.isDirectory() ?? false,
  };
}

/** Somebody asked for its removal: there is nothing in it that anybody wants. */
export function isDoomed(name: string): boolean {
  return name.startsWith(doomedPrefix);
}

/** The mode holds whatever the umask says. */
function makeDirectory(path: string, mode: number): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
}
