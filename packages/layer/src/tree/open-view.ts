import { readFileSync } from 'node:fs';
import { EngineError } from '@gantry/base';
import {
  atFdcwd,
  changeDirectory,
  cloneFlag,
  cloneTree,
  close,
  fstat,
  isSystemError,
  mount,
  mountAttribute,
  moveMount,
  open,
  openat2,
  openDescriptor,
  openFlag,
  openTree,
  resolveFlag,
  setMountAttributes,
  setns,
  umount,
  unshare,
} from '@gantry/native';
import { Directories } from '../apply/directories.ts';
import { cleanPath, splitPath } from '../apply/entry-path.ts';
import { bytesOfText, pathOfBytes } from '../byte-string.ts';
import { fillVolume } from './fill-volume.ts';
import type { TreeView, ViewMount } from './tree-view.ts';

/** A view that stands. Everything in it is reached from `root`, which leads nowhere else. */
export type OpenView = Disposable & {
  readonly root: number;
  /** Host path that the root is mounted on, in this thread's namespace alone. */
  readonly target: string;
  /** Mount ID of the root, and of each mount on it with whether it takes writes. */
  readonly rootMountId: bigint;
  readonly writableMounts: ReadonlyMap<bigint, boolean>;
};

const slaveRecursive = 0x80000 | 0x4000;

/** How often a thread may be made just then. */
const mostTries = 5;

/**
 * Puts a view together in a mount namespace of the calling thread's own.
 *
 * SAFETY: call it once, on a thread that does nothing else and ends afterwards; the namespace and all mounts end with
 * it. No path of the container is ever looked up from the host's root: what is mounted is opened on the host first, and
 * attached by descriptor to a target that was looked up with the container's root as `/` (CVE-2018-15664, 2026-41567).
 *
 * @throws gone (as `unavailable`) when a running container has ended; SystemError
 */
export function openView(view: TreeView): OpenView {
  unshare(cloneFlag.newNs);
  // What happens on the host is seen here, what happens here is not seen there.
  mount('', '/', { flags: slaveRecursive });
  mountRoot(view);
  const root = open(view.target, openFlag.path | openFlag.directory | openFlag.noFollow);
  try {
    const writableMounts = new Map<bigint, boolean>();
    for (const each of view.mounts) {
      const mountId = attach(root, each);
      if (mountId !== undefined) writableMounts.set(mountId, each.writable);
    }
    return {
      root,
      target: view.target,
      rootMountId: fstat(root).mountId,
      writableMounts,
      [Symbol.dispose]: () => {
        close(root);
        letGo(view.target);
      },
    };
  } catch (error) {
    close(root);
    letGo(view.target);
    throw error;
  }
}

/**
 * Takes a mount out of this thread's namespace. That dies with the thread, but not at once when the JavaScript engine
 * made another thread from it, which stays in it until it has been idle for a while.
 */
function letGo(path: string): void {
  umount(path);
}

function mountRoot({ root, target }: TreeView): void {
  if (root.kind === 'stopped') {
    const { cwd, source, fstype, flags, data } = root.overlay;
    changeDirectory(cwd);
    mount(source, target, { type: fstype, flags: Number(flags), data });
    changeDirectory('/');
    if (root.hostMount !== undefined) letGo(root.hostMount);
    return;
  }
  using tree = openDescriptor(cloneRootOf(root));
  using onto = openDescriptor(open(target, openFlag.path | openFlag.directory));
  moveMount(tree.fd, onto.fd);
}

/** The root mount of a running container, without what is mounted on it: the same file system, so both sides agree. */
function cloneRootOf({ pid, startTicks }: { readonly pid: number; readonly startTicks: number }): number {
  const gone = (cause?: unknown): EngineError =>
    new EngineError('unavailable', `cannot look into process ${pid}: it has ended`, { cause });
  using home = openDescriptor(open('/proc/thread-self/ns/mnt', openFlag.readOnly));
  try {
    using there = openDescriptor(open(`/proc/${pid}/ns/mnt`, openFlag.readOnly));
    // Looked at after the namespace is open: if it is the process that was meant, it was so before as well.
    if (startTicksOf(pid) !== startTicks) throw gone();
    enter(there.fd);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ESRCH')) throw gone(error);
    throw error;
  }
  try {
    return openTree(atFdcwd, '/', false);
  } finally {
    // SAFETY: nothing but that one call is done in the container's namespace; a thread that stayed would throw here.
    enter(home.fd);
  }
}

/**
 * The kernel moves only a thread that shares its current directory with nobody, and a thread that the JavaScript engine
 * makes meanwhile, to compile or collect, shares it with the one that made it.
 */
function enter(namespace: number): void {
  for (let tries = 0; ; tries++) {
    unshare(cloneFlag.fs);
    try {
      setns(namespace, cloneFlag.newNs);
      return;
    } catch (error) {
      if (!isSystemError(error, 'EINVAL') || tries === mostTries) throw error;
    }
  }
}

/** Field 22 of /proc/PID/stat; the second may hold anything, so it is counted from its end. */
function startTicksOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return undefined;
  }
}

/** @returns the ID of the new mount; undefined when there is nothing to mount on and nothing may be made */
function attach(root: number, each: ViewMount): bigint | undefined {
  using tree = openDescriptor(openSource(each));
  const isDirectory = (fstat(tree.fd).mode & 0o170000) === 0o040000;
  using onto = openTarget(root, each, isDirectory);
  if (onto === undefined) return undefined;
  if (each.copyUp && isDirectory) fillVolume(onto.fd, tree.fd);
  setMountAttributes(tree.fd, each.writable ? 0 : mountAttribute.readOnly);
  moveMount(tree.fd, onto.fd);
  return fstat(tree.fd).mountId;
}

function openSource({ source, subpath, recursive }: ViewMount): number {
  if (subpath === '') return openTree(atFdcwd, source, recursive);
  using whole = openDescriptor(open(source, openFlag.path | openFlag.directory));
  const resolve = resolveFlag.inRoot | resolveFlag.noMagicLinks;
  using part = openDescriptor(openat2(whole.fd, subpath, { flags: openFlag.path, resolve }));
  return cloneTree(part.fd, recursive);
}

function openTarget(
  root: number,
  { destination, makesTarget }: ViewMount,
  isDirectory: boolean,
): ({ readonly fd: number } & Disposable) | undefined {
  const path = cleanPath(bytesOfText(destination));
  const how = { flags: openFlag.path, resolve: resolveFlag.inRoot | resolveFlag.noMagicLinks };
  try {
    return openDescriptor(openat2(root, pathOfBytes(path), how));
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
    if (!makesTarget) return undefined;
  }
  using directories = new Directories(root);
  const { parent, name } = splitPath(path);
  if (isDirectory) directories.open(path);
  else {
    const flags = openFlag.writeOnly | openFlag.create | openFlag.exclusive | openFlag.noFollow;
    close(openat2(directories.open(parent), pathOfBytes(name), { flags, mode: 0o755 }));
  }
  return openDescriptor(openat2(root, pathOfBytes(path), how));
}
