import { mkdirat, openat2, openDescriptor, openFlag } from '@gantry/native';
import { createNode } from '../apply/create-node.ts';
import { Directories } from '../apply/directories.ts';
import { splitPath } from '../apply/entry-path.ts';
import { setMetadata } from '../apply/metadata.ts';
import { pathOfBytes } from '../byte-string.ts';
import { entryOf, type OpenNode, openNode } from '../pack/read-node.ts';
import type { EntryKind } from '../tar/entry.ts';
import { copyContent } from './copy-content.ts';
import { namesIn } from './names-in.ts';

/** A copy from one tree into another, under the same paths. Disposing closes the directories that it keeps open. */
export type Copying = Disposable & {
  readonly target: number;
  readonly sources: Directories;
  readonly targets: Directories;
  /** Path of the first copy of each inode that has several names. */
  readonly links: Map<string, string>;
};

export function openCopying(source: number, target: number): Copying {
  const [sources, targets] = [new Directories(source), new Directories(target)];
  const dispose = (): void => {
    sources[Symbol.dispose]();
    targets[Symbol.dispose]();
  };
  return { target, sources, targets, links: new Map(), [Symbol.dispose]: dispose };
}

/**
 * Copies a tree that nobody changes into an empty directory, to the bit: owners, modes, times, links, holes, attributes.
 *
 * @param source an open directory, as is `target`; neither is closed here
 * @throws SystemError
 */
export function copyTree(source: number, target: number): void {
  using copying = openCopying(source, target);
  copyBelow(copying, ['']);
}

/** Copies what a name stands for, with all below it. Its parent is there. Byte string. */
export function copyNode(copying: Copying, path: string): void {
  if (copyOne(copying, path) === 'directory') copyBelow(copying, [path]);
}

/** A list of directories and no recursion: a layer's tree may be deeper than a stack or a table of descriptors. */
function copyBelow(copying: Copying, paths: readonly string[]): void {
  const directories = [...paths];
  for (let i = 0; i < directories.length; i++) {
    const path = directories[i] ?? '';
    const below = path === '' ? '' : `${path}/`;
    for (const name of namesIn(opened(copying.sources, path)))
      if (copyOne(copying, below + name) === 'directory') directories.push(below + name);
  }
  // Their times last: each file that is made in one changes them.
  for (const path of directories.reverse()) copyDirectoryMetadata(copying, path);
}

function copyDirectoryMetadata({ sources, targets }: Copying, path: string): void {
  using source = openNode(opened(sources, path), '.');
  setMetadata(opened(targets, path), entryOf({ ...source, kind: 'directory' }, path));
}

/** @returns what it is; of a directory nothing but the name is made */
function copyOne(copying: Copying, path: string): EntryKind | undefined {
  const { parent, name } = splitPath(path);
  using node = openNode(opened(copying.sources, parent), pathOfBytes(name));
  const { kind } = node;
  const dir = opened(copying.targets, parent);
  if (kind === 'directory') mkdirat(dir, pathOfBytes(name), 0o700);
  else if (kind !== undefined) copyFile(copying, { ...node, kind }, { dir, path });
  return kind;
}

function copyFile(
  { target, links }: Copying,
  node: OpenNode & { readonly kind: EntryKind },
  { dir, path }: { readonly dir: number; readonly path: string },
): void {
  const { fd, stat, kind } = node;
  const entry = entryOf(node, path);
  const name = pathOfBytes(splitPath(path).name);
  const inode = `${stat.deviceMajor}:${stat.deviceMinor}:${stat.inode}`;
  const first = stat.linkCount > 1 ? links.get(inode) : undefined;
  if (first !== undefined) {
    createNode({ root: target, dir, name }, { ...entry, kind: 'hardlink', linkPath: first });
    return;
  }
  if (stat.linkCount > 1) links.set(inode, path);
  if (kind !== 'file') {
    createNode({ root: target, dir, name }, entry);
    return;
  }
  const flags = openFlag.writeOnly | openFlag.create | openFlag.exclusive | openFlag.noFollow;
  using copy = openDescriptor(openat2(dir, name, { flags, mode: 0o600 }));
  copyContent(fd, copy.fd, stat.sizeBytes);
  setMetadata(copy.fd, entry);
}

export function opened(directories: Directories, path: string): number {
  const fd = directories.find(path);
  if (fd === undefined) throw new Error(`unreachable: the directory "${path}" was there`);
  return fd;
}
