import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeTreeInTurns } from '@gantry/layer';
import { close, isSystemError, open, openDescriptor, openFlag, renameat2, spreadSubdirectories } from '@gantry/native';
import type { Driver } from './drivers/driver.ts';

/** Stands below a container that has no image: overlayfs wants a lower directory. */
export const emptyLayer = 'empty';

/** A container's copy of a tree, until it is complete. */
export const makingName = 'making';

export type DirectoryDeps = { readonly random: (bytes: number) => Uint8Array; readonly driver: Driver };

/**
 * The directories of all snapshots: `layers/<name>/fs`, and for containers `layers/<name>/work` beside it. Names have
 * eight letters, so that the options of an overlay of 127 layers stay below the 4,096 bytes that mount(2) takes.
 */
export type Directories = ReturnType<typeof openDirectories>;

export type SnapshotRoots = {
  readonly layersDir: string;
  /** Where every container mounts its root, each in its own mount namespace. */
  readonly target: string;
};

export function makeSnapshotRoots(dataRoot: string): SnapshotRoots {
  const layersDir = join(dataRoot, 'layers');
  const target = join(dataRoot, 'rootfs');
  // SAFETY: 0700: other users of the host must not reach set-user-ID files of images (CVE-2021-41091).
  for (const dir of [layersDir, target]) mkdirSync(dir, { recursive: true, mode: 0o700 });
  // ext4 does not take an inode again for a minute and more after it was removed, and looks at each of them in a group for
  // every file it makes there. Beside a tree of 20,000 files that went, unpacking another took five times as long.
  spreadSubdirectories(layersDir);
  mkdirSync(join(layersDir, emptyLayer, 'fs'), { recursive: true, mode: 0o755 });
  return { layersDir, target };
}

export function openDirectories({ layersDir, target }: SnapshotRoots, { random, driver }: DirectoryDeps) {
  const unowned = new Set<string>();
  const fsOf = (name: string): string => join(layersDir, name, 'fs');
  const makeTree = (path: string): void => {
    if (driver.kind === 'whole') driver.make(path);
    else {
      mkdirSync(path);
      chmodSync(path, 0o755);
    }
  };
  const dropTrees = (path: string): void => {
    if (driver.kind === 'stacked') return;
    using fd = openDescriptor(open(path, openFlag.readOnly | openFlag.directory));
    for (const name of ['fs', makingName]) driver.drop(fd.fd, name);
  };
  return {
    layersDir,
    target,
    fsOf,
    list: (): readonly string[] => readdirSync(layersDir),
    /** A layer on its way in or out: it has no row, and is nobody's leaving either. */
    isPassing: (name: string): boolean => unowned.has(name),
    /** Its row is going, and then it goes. */
    disown: (name: string): void => {
      unowned.add(name);
    },
    /** A new layer has its row now. */
    own: (name: string): void => {
      unowned.delete(name);
    },
    /** @returns the name of a new directory for a layer */
    createLayer: (): string => {
      const name = randomName(random);
      unowned.add(name);
      mkdirSync(join(layersDir, name), { mode: 0o700 });
      makeTree(fsOf(name));
      return name;
    },
    /** A directory for the tree of a layer, which is to come into it as `fs`. @returns its name */
    createBare: (): string => {
      const name = randomName(random);
      unowned.add(name);
      mkdirSync(join(layersDir, name), { mode: 0o700 });
      return name;
    },
    /** A container that was never started has none. */
    isMade: (name: string): boolean => existsSync(fsOf(name)),
    /** A container's: with the second one that an overlay's upper directory needs, and a copy tells its age by. */
    isActive: (name: string): boolean => existsSync(join(layersDir, name, 'work')),
    /** A name for a directory that is made later. */
    newName: (): string => randomName(random),
    /**
     * The upper and work directories of a container. The root of an overlay shows the owner and mode of the upper one:
     * open to every user, as Docker's, whatever the tar says. It is made last: where it is, the others are.
     */
    ensureActive: (name: string): void => {
      if (existsSync(fsOf(name))) {
        // An overlay that was mounted without syncs leaves a mark by which the kernel refuses the next mount. What the
        // last run wrote is whole: this kernel has it in memory, and a reboot takes the container away.
        rmSync(join(layersDir, name, 'work', 'work', 'incompat'), { recursive: true, force: true });
        return;
      }
      mkdirSync(join(layersDir, name, 'work'), { recursive: true, mode: 0o700 });
      makeTree(fsOf(name));
    },
    /**
     * A layer may have a hundred thousand files, and meanwhile containers want to start. It loses its name first: when
     * the power fails and the row comes back, the row finds no directory instead of half a one.
     */
    remove: async (name: string): Promise<void> => {
      const doomed = randomName(random);
      unowned.add(doomed);
      const fd = open(layersDir, openFlag.readOnly | openFlag.directory);
      try {
        if (renamed(fd, name, doomed)) {
          dropTrees(join(layersDir, doomed));
          await removeTreeInTurns(fd, doomed);
        }
      } finally {
        close(fd);
        unowned.delete(name);
        unowned.delete(doomed);
      }
    },
  };
}

/** @returns false when there was nothing */
function renamed(dirFd: number, from: string, to: string): boolean {
  try {
    renameat2({ fromDir: dirFd, from, toDir: dirFd, to });
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

function randomName(random: (bytes: number) => Uint8Array): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz234567';
  return Array.from(random(8), (byte) => letters[byte % 32]).join('');
}
