import {
  atFlag,
  close,
  isSystemError,
  openat2,
  openFlag,
  type PathLike,
  readDirectory,
  renameat2,
  renameFlag,
  syscall,
  unlinkat,
} from '@gantry/native';

/** Deeper directories are moved to the top first, so that no depth exhausts descriptors or the stack. */
const maximumDepth = 64;

/** So many entries, then others get their turn. */
const batchEntries = 256;

/** DT_DIR of dirent.h: what is known to be a directory need not be refused as a file first. */
const directoryType = 4;

/**
 * Removes whatever a name in a directory stands for, a whole tree too, without following any link. The tree may be
 * a container's, so it may be deeper than any path can say.
 *
 * @returns false when there was nothing
 */
export function removeTree(dirFd: number, name: PathLike): boolean {
  const steps = removeSteps(dirFd, name);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The same for a thread that has others to serve: it lets them in between. `dirFd` stays open until it is done. */
export async function removeTreeInTurns(dirFd: number, name: PathLike): Promise<boolean> {
  const steps = removeSteps(dirFd, name);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

type Steps<T> = Generator<void, T, void>;

function* removeSteps(dirFd: number, name: PathLike): Steps<boolean> {
  const top = openTree(dirFd, name);
  if (top === undefined) return unlinkIfThere(dirFd, name);
  try {
    for (let moved = true; moved; ) moved = yield* emptyDirectory(top, top, 0);
  } finally {
    close(top);
  }
  unlinkat(dirFd, name, atFlag.removeDir);
  return true;
}

/** @returns undefined when it is no directory */
function openTree(dirFd: number, name: PathLike): number | undefined {
  try {
    return openat2(dirFd, name, { flags: openFlag.directory | openFlag.noFollow | openFlag.readOnly });
  } catch (error) {
    if (isSystemError(error, 'ENOTDIR', 'ELOOP', 'ENOENT')) return undefined;
    throw error;
  }
}

/** @returns false when there was nothing */
function unlinkIfThere(dirFd: number, name: PathLike): boolean {
  try {
    unlinkat(dirFd, name);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

/** @returns whether something was moved to the top: then the top is not empty yet */
function* emptyDirectory(top: number, fd: number, depth: number): Steps<boolean> {
  let moved = false;
  syscall('lseek', fd, 0, 0);
  for (const [i, { name, type }] of readDirectory(fd).entries()) {
    if (i % batchEntries === batchEntries - 1) yield;
    if (type !== directoryType && unlinked(fd, name)) continue;
    if (depth >= maximumDepth) {
      moveToTop(top, fd, name);
      moved = true;
      continue;
    }
    const child = openat2(fd, name, { flags: openFlag.directory | openFlag.noFollow | openFlag.readOnly });
    try {
      yield;
      moved = (yield* emptyDirectory(top, child, depth + 1)) || moved;
    } finally {
      close(child);
    }
    unlinkat(fd, name, atFlag.removeDir);
  }
  return moved;
}

function unlinked(fd: number, name: PathLike): boolean {
  try {
    unlinkat(fd, name);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EISDIR', 'EPERM')) return false;
    if (isSystemError(error, 'ENOENT')) return true;
    throw error;
  }
}

function moveToTop(top: number, fd: number, name: PathLike): void {
  for (let i = 0; ; i++) {
    try {
      renameat2({ fromDir: fd, from: name, toDir: top, to: `deep-${i}` }, renameFlag.noReplace);
      return;
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
    }
  }
}
