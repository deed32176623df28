import { EngineError } from '@gantry/base';
import {
  close,
  ftruncate,
  futimens,
  isSystemError,
  mkdirat,
  type Owner,
  openat2,
  openFlag,
  type PathLike,
  pwrite,
  setXattr,
  writeFd,
} from '@gantry/native';
import { pathOfBytes, textOfBytes } from '../byte-string.ts';
import { statIfThere } from '../stat-if-there.ts';
import type { TarEntry, TarSink } from '../tar/entry.ts';
import { measureTreeAt } from '../tree-size.ts';
import { createNode, createWhiteout } from './create-node.ts';
import { Directories } from './directories.ts';
import { badEntry, cleanPath, type EntryPath, parseLayerName, splitPath } from './entry-path.ts';
import { setMetadata, type Times, timesOf } from './metadata.ts';
import { removeTree } from './remove-tree.ts';

const yes = new TextEncoder().encode('y');
const opaqueXattr = 'trusted.overlay.opaque';
const nothingHidden: HiddenPaths = { whiteouts: [], opaque: [] };

type OpenFile = { readonly entry: TarEntry; readonly fd: number; offset: number };

/** What a layer's tree turned out to be. */
export type LayerTree = {
  /** Bytes of its files and of its symbolic links' texts, as `measureTree` would find them. */
  readonly sizeBytes: number;
  readonly entries: number;
  /** Byte strings, '' for the root: directories that no entry named; a lower layer knows their owner and mode. */
  readonly impliedDirectories: readonly string[];
  /** What it hides of the layers below, unless that is marked in the tree. Byte strings. */
  readonly hidden: HiddenPaths;
};

/** Names that are gone, and directories of which nothing below is seen. */
export type HiddenPaths = { readonly whiteouts: readonly string[]; readonly opaque: readonly string[] };

/**
 * How a layer's tree says what it hides: `marked` as overlayfs reads it, or `listed` beside it, for who lays the tree
 * over another one. A disk without devices and attributes can do the latter.
 */
export type Hiding = 'marked' | 'listed';

/** How an archive that is no layer is written into a tree that is there already. */
export type MergeOptions = {
  /** Where in the tree its entries go: a cleaned byte string, '' for the root. */
  readonly below: string;
  /** A directory is not replaced by something else, nor the other way round. */
  readonly keepKinds: boolean;
  /** Whose everything becomes; undefined: as the archive says. */
  readonly owner: Owner | undefined;
};

/**
 * Writes a layer's entries below a directory, in the form that overlayfs reads: a whiteout becomes a character device
 * 0:0, an opaque directory gets `trusted.overlay.opaque`; or both are only listed. Owners, modes, times, links, devices, holes and extended
 * attributes are kept exactly.
 *
 * The tree is of one layer alone: a whiteout hides what is below and never removes what this layer itself brings.
 *
 * With `merge` it writes an ordinary archive, as `docker cp` brings it: a whiteout's name is only a name, and what the
 * tree already has is laid over.
 */
export class LayerWriter implements TarSink, Disposable {
  readonly #root: number;
  readonly #directories: Directories;
  readonly #whiteouts = new Set<string>();
  readonly #opaque = new Set<string>();
  /** Times of directories are set last, since every file made in one changes them. */
  readonly #directoryTimes = new Map<string, Times>();
  #file: OpenFile | undefined;
  #sizeBytes = 0;
  #entries = 0;
  /** A name was given twice, so what its first entry said of its size does not count. */
  #hasReplaced = false;
  readonly #merge: MergeOptions | undefined;
  readonly #hiding: Hiding;

  /** @param root an open directory, not closed here */
  constructor(root: number, merge?: MergeOptions, hiding: Hiding = 'marked') {
    this.#root = root;
    this.#merge = merge;
    this.#hiding = hiding;
    this.#directories = new Directories(root);
  }

  begin(entry: TarEntry): void {
    this.#entries++;
    const clean = cleanPath(entry.path);
    if (this.#merge !== undefined) this.#mergeEntry(entry, clean, this.#merge);
    else if (clean === '') this.#rootEntry(entry);
    else this.#namedEntry(entry, splitPath(clean));
  }

  /** The directory that all goes into is there and stays as it is, whatever the archive says of it. */
  #mergeEntry(entry: TarEntry, clean: string, { below, owner }: MergeOptions): void {
    if (clean === '') return;
    const linkPath = entry.kind === 'hardlink' ? joinPath(below, cleanPath(entry.linkPath)) : entry.linkPath;
    const placed = { ...entry, ...owner, linkPath };
    const path = splitPath(joinPath(below, clean));
    if (entry.kind === 'directory') this.#directory(placed, path);
    else this.#make(placed, path);
  }

  #namedEntry(entry: TarEntry, path: EntryPath): void {
    const meaning = parseLayerName(entry, path.name);
    switch (meaning.kind) {
      case 'ignored':
        return;
      case 'opaque':
        this.#hideBelow(path.parent, this.#directories.open(path.parent));
        return;
      case 'whiteout':
        this.#whiteout({ parent: path.parent, name: meaning.name });
        return;
      case 'ordinary':
        if (entry.kind === 'directory') this.#directory(entry, path);
        else this.#make(entry, path);
    }
  }

  data(bytes: Uint8Array, offset: number): void {
    const file = this.#file;
    if (file === undefined) return;
    if (offset === file.offset) writeFd(file.fd, bytes);
    else {
      // After a hole: the descriptor's own offset is behind, so the rest of this file goes by position.
      pwrite(file.fd, bytes, offset);
      file.offset = Number.NaN;
      return;
    }
    file.offset += bytes.length;
  }

  end(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    try {
      if (file.offset !== file.entry.sizeBytes) setSize(file);
      setMetadata(file.fd, file.entry);
    } finally {
      close(file.fd);
    }
  }

  /** Sets what had to wait for the last entry. */
  finish(): LayerTree {
    for (const [path, times] of this.#directoryTimes) {
      const fd = this.#directories.find(path);
      if (fd !== undefined) futimens(fd, times);
    }
    return {
      sizeBytes: this.#hasReplaced && this.#merge === undefined ? measureTreeAt(this.#root) : this.#sizeBytes,
      entries: this.#entries,
      impliedDirectories: [...(this.#directoryTimes.has('') ? [] : ['']), ...this.#directories.implied],
      hidden:
        this.#hiding === 'marked' ? nothingHidden : { whiteouts: [...this.#whiteouts], opaque: [...this.#opaque] },
    };
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) close(this.#file.fd);
    this.#file = undefined;
    this.#directories[Symbol.dispose]();
  }

  #rootEntry(entry: TarEntry): void {
    if (entry.kind !== 'directory') throw badEntry(entry.path, 'the root is not a directory');
    setMetadata(this.#root, entry);
    this.#directoryTimes.set('', timesOf(entry));
  }

  #whiteout({ parent, name }: EntryPath): void {
    const dir = this.#directories.open(parent);
    const whole = joinPath(parent, name);
    if (this.#makeWhiteout(dir, pathOfBytes(name))) this.#whiteouts.add(whole);
    // This layer already brings that name: a file hides the lower one by itself, a directory must say so.
    else if (this.#directoryTimes.has(whole)) this.#hideBelow(whole, this.#directories.open(whole));
  }

  /** @returns false when this layer has something of that name */
  #makeWhiteout(dir: number, name: PathLike): boolean {
    if (this.#hiding === 'listed') return statIfThere(dir, name) === undefined;
    try {
      createWhiteout(dir, name);
      return true;
    } catch (error) {
      if (isSystemError(error, 'EEXIST')) return false;
      throw error;
    }
  }

  #hideBelow(path: string, fd: number): void {
    if (this.#hiding === 'marked') setXattr(fd, opaqueXattr, yes);
    else this.#opaque.add(path);
  }

  #make(entry: TarEntry, path: EntryPath): void {
    const dir = this.#directories.open(path.parent);
    const name = pathOfBytes(path.name);
    try {
      this.#create(entry, dir, name);
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
      if (this.#merge?.keepKinds === true && isDirectory(dir, name)) throw otherKind(path, 'directory');
      this.#forget(path);
      const again = this.#directories.open(path.parent);
      removeTree(again, name);
      this.#create(entry, again, name);
    }
  }

  #directory(entry: TarEntry, path: EntryPath): void {
    const dir = this.#directories.open(path.parent);
    const whole = joinPath(path.parent, path.name);
    const name = pathOfBytes(path.name);
    let hidesLower = false;
    try {
      mkdirat(dir, name, 0o700);
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
      if (!isDirectory(dir, name)) {
        if (this.#merge?.keepKinds === true) throw otherKind(path, 'non-directory');
        hidesLower = this.#whiteouts.has(whole);
        this.#forget(path);
        const again = this.#directories.open(path.parent);
        removeTree(again, name);
        mkdirat(again, name, 0o700);
      }
    }
    const fd = this.#directories.open(whole);
    this.#directories.named(whole);
    setMetadata(fd, entry);
    if (hidesLower) this.#hideBelow(whole, fd);
    this.#directoryTimes.set(whole, timesOf(entry));
  }

  /** A name is about to stand for something else: everything remembered about it and below it is void. */
  #forget(path: EntryPath): void {
    this.#hasReplaced = true;
    const whole = joinPath(path.parent, path.name);
    this.#whiteouts.delete(whole);
    if (this.#directoryTimes.has(whole) || this.#directories.implied.has(whole)) {
      const below = (known: string): boolean => known === whole || known.startsWith(`${whole}/`);
      for (const known of [...this.#directoryTimes.keys()]) if (below(known)) this.#directoryTimes.delete(known);
      for (const known of [...this.#directories.implied]) if (below(known)) this.#directories.named(known);
      for (const marks of [this.#whiteouts, this.#opaque])
        for (const known of [...marks]) if (below(known)) marks.delete(known);
    }
    this.#directories.forget();
  }

  #create(entry: TarEntry, dir: number, name: PathLike): void {
    if (entry.kind !== 'file') {
      // Docker's sizes count the text of a link.
      if (entry.kind === 'symlink') this.#sizeBytes += entry.linkPath.length;
      createNode({ root: this.#root, dir, name }, entry);
      return;
    }
    const flags = openFlag.writeOnly | openFlag.create | openFlag.exclusive | openFlag.noFollow;
    this.#file = { entry, fd: openat2(dir, name, { flags, mode: 0o600 }), offset: 0 };
    this.#sizeBytes += entry.sizeBytes;
  }
}

/** Docker's sentence. */
function otherKind({ parent, name }: EntryPath, there: 'directory' | 'non-directory'): EngineError {
  const other = there === 'directory' ? 'non-directory' : 'directory';
  const [path, into] = [joinPath(parent, name), parent].map((text) => JSON.stringify(`/${textOfBytes(text)}`));
  return new EngineError('invalid', `cannot overwrite ${there} ${path} with ${other} ${into}`);
}

function joinPath(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}

/** A hole at the end costs nothing, but no filesystem takes one of any size. */
function setSize({ fd, entry }: OpenFile): void {
  try {
    ftruncate(fd, entry.sizeBytes);
  } catch (error) {
    if (isSystemError(error, 'EFBIG')) throw badEntry(entry.path, 'it is larger than a file can be');
    throw error;
  }
}

function isDirectory(dir: number, name: PathLike): boolean {
  try {
    close(openat2(dir, name, { flags: openFlag.path | openFlag.directory | openFlag.noFollow }));
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOTDIR', 'ELOOP')) return false;
    throw error;
  }
}
