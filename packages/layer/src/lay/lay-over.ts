import {
  isSystemError,
  openat2,
  openDescriptor,
  openFlag,
  removeXattr,
  renameat2,
  resolveFlag,
  xattrNames,
} from '@gantry/native';
import { splitPath } from '../apply/entry-path.ts';
import type { LayerTree } from '../apply/layer-writer.ts';
import { setMetadata } from '../apply/metadata.ts';
import { removeTree } from '../apply/remove-tree.ts';
import { pathOfBytes } from '../byte-string.ts';
import { entryOf, isPortable, kindOf, openNode } from '../pack/read-node.ts';
import { statIfThere } from '../stat-if-there.ts';
import type { TarEntry } from '../tar/entry.ts';
import { type Copying, copyNode, openCopying, opened } from './copy-tree.ts';
import { namesIn } from './names-in.ts';

/** What a layer's own tree cannot say: see `LayerWriter` with `listed`. */
export type LaidLayer = Pick<LayerTree, 'hidden' | 'impliedDirectories'>;

/**
 * Lays a layer's tree over a copy of what is below it: the result is what an overlay of the two would show. On one
 * filesystem the layer's files are moved, and nothing is left of it.
 *
 * @param layer an open directory, as is `tree`; neither is closed here
 * @throws SystemError
 */
export function layOver(layer: number, tree: number, { hidden, impliedDirectories }: LaidLayer): void {
  // Their owner, mode and times are those of below, from before anything in them changes.
  const implied = new Map(impliedDirectories.map((path) => [path, describeDirectory(tree, path)]));
  for (const path of hidden.whiteouts) removePath(tree, path);
  for (const path of hidden.opaque) emptyDirectory(tree, path);
  using copying = openCopying(layer, tree);
  const merged: MergedDirectory[] = [];
  const paths = [''];
  for (let i = 0; i < paths.length; i++) {
    const path = paths[i] ?? '';
    merged.push({ path, entry: implied.get(path) ?? describeSource(copying, path) });
    paths.push(...layDirectory(copying, path));
  }
  for (const one of merged.reverse()) settleDirectory(copying, one);
}

/** A directory that is there on both sides, and what is to be said of it: noted before anything is moved out of it. */
type MergedDirectory = { readonly path: string; readonly entry: TarEntry };

/** @returns the paths of directories that are there on both sides */
function layDirectory(copying: Copying, path: string): readonly string[] {
  const below = path === '' ? '' : `${path}/`;
  const paths = namesIn(opened(copying.sources, path)).map((name) => below + name);
  return paths.filter((each) => !layNode(copying, each));
}

/** @returns false for a directory over a directory: what is in it has its turn later */
function layNode(copying: Copying, path: string): boolean {
  const { parent, name: text } = splitPath(path);
  const name = pathOfBytes(text);
  const [from, to] = [opened(copying.sources, parent), opened(copying.targets, parent)];
  const [above, below] = [statIfThere(from, name), statIfThere(to, name)];
  if (above === undefined) throw new Error(`unreachable: "${path}" of a layer is gone`);
  if (below !== undefined && kindOf(above) === 'directory' && kindOf(below) === 'directory') return false;
  if (below !== undefined) removeTree(to, name);
  try {
    renameat2({ fromDir: from, from: name, toDir: to, to: name });
  } catch (error) {
    // A subvolume is a filesystem to rename(2), but its files' bytes can be shared.
    if (!isSystemError(error, 'EXDEV')) throw error;
    copyNode(copying, path);
  }
  return true;
}

function describeSource({ sources }: Copying, path: string): TarEntry {
  using source = openNode(opened(sources, path), '.');
  return entryOf({ ...source, kind: 'directory' }, path);
}

function settleDirectory({ targets }: Copying, { path, entry }: MergedDirectory): void {
  const target = opened(targets, path);
  for (const name of xattrNames(target)) if (isPortable(name) && !entry.xattrs.has(name)) removeXattr(target, name);
  setMetadata(target, entry);
}

function describeDirectory(tree: number, path: string): TarEntry | undefined {
  using dir = openBeneath(tree, path);
  if (dir === undefined) return undefined;
  using node = openNode(dir.fd, '.');
  return entryOf({ ...node, kind: 'directory' }, path);
}

function removePath(tree: number, path: string): void {
  const { parent, name } = splitPath(path);
  using dir = openBeneath(tree, parent);
  if (dir !== undefined) removeTree(dir.fd, pathOfBytes(name));
}

function emptyDirectory(tree: number, path: string): void {
  using dir = openBeneath(tree, path);
  if (dir === undefined) return;
  for (const name of namesIn(dir.fd)) removeTree(dir.fd, pathOfBytes(name));
}

/** As in an overlay, no link is followed: what is a link below is another thing than the directory above. */
function openBeneath(tree: number, path: string): ({ readonly fd: number } & Disposable) | undefined {
  try {
    return openDescriptor(
      openat2(tree, path === '' ? '.' : pathOfBytes(path), {
        flags: openFlag.readOnly | openFlag.directory | openFlag.noFollow,
        resolve: resolveFlag.beneath | resolveFlag.noSymlinks | resolveFlag.noMagicLinks,
      }),
    );
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}
