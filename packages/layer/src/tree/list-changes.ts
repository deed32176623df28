import { close, type FileStat, getXattr, openat2, openFlag, type PathLike } from '@gantry/native';
import { pathOfBytes } from '../byte-string.ts';
import { namesIn } from '../lay/names-in.ts';
import { checkDepth, openIfThere } from '../pack/pack-tree.ts';
import { isWhiteout, kindOf, type OpenNode } from '../pack/read-node.ts';
import { statIfThere } from '../stat-if-there.ts';

/** One difference between a container's tree and its image's. Paths are byte strings without leading slash. */
export type TreeChange = {
  readonly kind: 'modified' | 'added' | 'deleted';
  readonly path: string;
  /** A directory that hides all that the image has in its place. */
  readonly opaque: boolean;
  /** Deleted because the directory above is opaque: it needs no mark of its own. */
  readonly covered: boolean;
};

/** A directory of the upper tree and those of the lower ones that show through it, topmost first. */
type Merged = {
  readonly upper: number;
  readonly lowers: readonly number[];
  readonly path: string;
  readonly depth: number;
};

/**
 * Lists what an overlay's upper directory changes in the layers below it, parents before children, in order of names.
 *
 * As Docker counts: a directory is modified when its mode or owner is another or something in it changed, not when only
 * its time did; of a deleted directory only the top is told, of an added one every file.
 *
 * @param lowers open directories, topmost first; not closed here
 * @throws SystemError
 */
export function listChanges(upper: number, lowers: readonly number[]): TreeChange[] {
  return changesIn({ upper, lowers, path: '', depth: 0 }, false);
}

function changesIn(merged: Merged, isOpaque: boolean): TreeChange[] {
  checkDepth(merged.depth);
  const names = new Set(namesIn(merged.upper));
  const found = [...names].filter((text) => text !== opaqueMark).flatMap((text) => changesOf(merged, text));
  const hidden = isOpaque ? namesBelow(merged.lowers).filter((text) => !names.has(text)) : [];
  const gone = hidden.map((text) => change('deleted', merged.path + text, { covered: true }));
  return [...found, ...gone].sort((one, other) => compareNames(one.path, other.path));
}

/** By whole names: `a` and what is below it come before `a-b`. */
export function compareNames(one: string, other: string): number {
  const [left, right] = [one.replaceAll('/', '\0'), other.replaceAll('/', '\0')];
  return left < right ? -1 : left === right ? 0 : 1;
}

export function change(
  kind: TreeChange['kind'],
  path: string,
  marks: Partial<Pick<TreeChange, 'opaque' | 'covered'>> = {},
): TreeChange {
  return { kind, path, opaque: marks.opaque ?? false, covered: marks.covered ?? false };
}

/** fuse-overlayfs leaves this beside the attribute; as a file's name no layer could hold it. */
const opaqueMark = '.wh..wh..opq';

function changesOf(merged: Merged, text: string): TreeChange[] {
  const name = pathOfBytes(text);
  using node = openIfThere(merged.upper, name);
  if (node === undefined) return [];
  const path = merged.path + text;
  const before = lowerStat(merged.lowers, name);
  if (isWhiteout(node.stat)) return before === undefined ? [] : [change('deleted', path)];
  if (before === undefined && isMountpoint(path, node)) return [];
  if (node.kind !== 'directory') return [change(before === undefined ? 'added' : 'modified', path)];
  return changesOfDirectory({ merged, name, path }, node, before);
}

function changesOfDirectory(
  { merged, name, path }: { merged: Merged; name: PathLike; path: string },
  node: OpenNode,
  before: FileStat | undefined,
): TreeChange[] {
  const isOpaque = getXattr(node.fd, 'trusted.overlay.opaque')?.[0] === 'y'.charCodeAt(0);
  const lowers = openLowers(merged.lowers, name);
  try {
    const below = changesIn({ upper: node.fd, lowers, path: `${path}/`, depth: merged.depth + 1 }, isOpaque);
    const opaque = isOpaque && lowers.length > 0;
    if (before === undefined) return [change('added', path), ...below];
    const isSame = kindOf(before) === 'directory' && sameOwnerAndMode(before, node.stat);
    return isSame && below.length === 0 ? [] : [change('modified', path, { opaque }), ...below];
  } finally {
    for (const fd of lowers) close(fd);
  }
}

export function sameOwnerAndMode(one: FileStat, other: FileStat): boolean {
  return one.mode === other.mode && one.uid === other.uid && one.gid === other.gid;
}

/** What the layers below show under a name; undefined when that is nothing. */
function lowerStat(lowers: readonly number[], name: PathLike): FileStat | undefined {
  for (const lower of lowers) {
    const stat = statIfThere(lower, name);
    if (stat !== undefined) return isWhiteout(stat) ? undefined : stat;
  }
  return undefined;
}

/** The directories of that name that are merged into one: down to the first opaque one, or to what is no directory. */
function openLowers(lowers: readonly number[], name: PathLike): number[] {
  const opened: number[] = [];
  for (const lower of lowers) {
    const stat = statIfThere(lower, name);
    if (stat === undefined) continue;
    if (kindOf(stat) !== 'directory') break;
    const fd = openat2(lower, name, { flags: openFlag.readOnly | openFlag.directory | openFlag.noFollow });
    opened.push(fd);
    if (getXattr(fd, 'trusted.overlay.opaque') !== undefined) break;
  }
  return opened;
}

/** All names that a stack of lower directories shows. */
function namesBelow(lowers: readonly number[]): string[] {
  const names = new Set(lowers.flatMap((fd) => namesIn(fd)));
  return [...names].filter((text) => lowerStat(lowers, pathOfBytes(text)) !== undefined);
}

const mountedDirectories = new Set(['proc', 'sys', 'dev', 'etc', 'dev/pts', 'dev/shm']);
const mountedFiles = new Set(['etc/hosts', 'etc/hostname', 'etc/resolv.conf']);

/** What the engine itself makes in an image that lacks it, to mount on: no change of the container's. */
export function isMountpoint(path: string, { fd, stat, kind }: OpenNode): boolean {
  if (kind === 'file') return stat.sizeBytes === 0 && mountedFiles.has(path);
  if (kind !== 'directory' || !mountedDirectories.has(path)) return false;
  return namesIn(fd).every((name) => {
    using child = openIfThere(fd, pathOfBytes(name));
    return child === undefined || isMountpoint(`${path}/${name}`, child);
  });
}
