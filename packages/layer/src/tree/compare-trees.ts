import { close, type FileStat, openat2, openFlag } from '@gantry/native';
import { pathOfBytes } from '../byte-string.ts';
import { namesIn } from '../lay/names-in.ts';
import { checkDepth, openIfThere } from '../pack/pack-tree.ts';
import { kindOf, type OpenNode } from '../pack/read-node.ts';
import { statIfThere } from '../stat-if-there.ts';
import { change, compareNames, isMountpoint, sameOwnerAndMode, type TreeChange } from './list-changes.ts';

/** A directory of a tree and its counterpart in the tree that it was copied from, if there is one. */
type Pair = {
  readonly tree: number;
  readonly below: number | undefined;
  readonly path: string;
  readonly depth: number;
};

/**
 * Lists what a container changed in its copy of an image's tree, in the words of `listChanges`. A file is as it was when
 * nobody touched it since the copy was made; its times alone would not tell, since a program can set them back.
 *
 * @param below what was copied, open; undefined: nothing
 * @param copiedNs when the copy was complete, in Unix nanoseconds of the filesystem's clock
 * @throws SystemError
 */
export function compareTrees(tree: number, below: number | undefined, copiedNs: bigint): TreeChange[] {
  return changesIn({ tree, below, path: '', depth: 0 }, copiedNs);
}

function changesIn(pair: Pair, copiedNs: bigint): TreeChange[] {
  checkDepth(pair.depth);
  const names = namesIn(pair.tree);
  const there = new Set(names);
  const gone = pair.below === undefined ? [] : namesIn(pair.below).filter((name) => !there.has(name));
  return [
    ...names.flatMap((name) => changesOf(pair, name, copiedNs)),
    ...gone.map((name) => change('deleted', pair.path + name)),
  ].sort((one, other) => compareNames(one.path, other.path));
}

function changesOf(pair: Pair, text: string, copiedNs: bigint): TreeChange[] {
  const name = pathOfBytes(text);
  using node = openIfThere(pair.tree, name);
  if (node === undefined) return [];
  const path = pair.path + text;
  const before = pair.below === undefined ? undefined : statIfThere(pair.below, name);
  if (before === undefined && isMountpoint(path, node)) return [];
  if (node.kind === 'directory') return changesOfDirectory({ pair, text, copiedNs }, node, before);
  if (before === undefined) return [change('added', path)];
  return isUntouched(before, node.stat, copiedNs) ? [] : [change('modified', path)];
}

function changesOfDirectory(
  { pair, text, copiedNs }: { pair: Pair; text: string; copiedNs: bigint },
  node: OpenNode,
  before: FileStat | undefined,
): TreeChange[] {
  const path = pair.path + text;
  const wasDirectory = before !== undefined && kindOf(before) === 'directory';
  const below = wasDirectory && pair.below !== undefined ? openDirectory(pair.below, text) : undefined;
  try {
    const inside = changesIn({ tree: node.fd, below, path: `${path}/`, depth: pair.depth + 1 }, copiedNs);
    if (before === undefined) return [change('added', path), ...inside];
    const isSame = wasDirectory && sameOwnerAndMode(before, node.stat);
    return isSame && inside.length === 0 ? [] : [change('modified', path), ...inside];
  } finally {
    if (below !== undefined) close(below);
  }
}

function openDirectory(parent: number, name: string): number {
  return openat2(parent, pathOfBytes(name), { flags: openFlag.readOnly | openFlag.directory | openFlag.noFollow });
}

function isUntouched(before: FileStat, now: FileStat, copiedNs: bigint): boolean {
  return (
    now.changedNs <= copiedNs &&
    sameOwnerAndMode(before, now) &&
    before.sizeBytes === now.sizeBytes &&
    before.modifiedNs === now.modifiedNs &&
    before.nodeMajor === now.nodeMajor &&
    before.nodeMinor === now.nodeMinor
  );
}
