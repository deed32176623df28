import { bytesToString, textOfBytes } from '../byte-string.ts';
import type { EntryKind, TarEntry, TarSink } from './entry.ts';
import { badArchive, blockBytes, isZeroBlock, parseHeader, type RawHeader } from './header.ts';
import { type PaxRecords, parseDecimal, parsePax, parsePaxTime, xattrsOf } from './pax.ts';
import { checkSparse, oldSparseSize, parseOldSparse, SparseMapReader, type SparseRange } from './sparse.ts';

/** Long names and extended headers; the same cap as Go's reader has. */
const maximumMetaBytes = 2 ** 20;
const maximumIdentifier = 0xfffffffe;

const kinds: Readonly<Record<string, EntryKind>> = {
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

type Pending = { longPath: string | undefined; longLink: string | undefined; pax: PaxRecords | undefined };
type State = 'header' | 'meta' | 'old-sparse' | 'sparse-map' | 'data' | 'padding' | 'zero' | 'end';

/**
 * Reads an archive from chunks of any size and tells a sink about each entry: v7, ustar, pax, GNU long names, and GNU's
 * four forms of sparse files. File data is handed on without a copy.
 *
 * One life: `push` for each chunk, `finish` at the end of the bytes. What follows the end mark is ignored.
 *
 * SAFETY: every archive is hostile. Lengths are checked before anything is kept, and no more than one extended header
 * (1 MiB) and one map of holes are held at a time.
 */
export class TarReader {
  readonly #sink: TarSink;
  #state: State = 'header';
  readonly #block = Buffer.alloc(blockBytes);
  #filled = 0;
  #pending: Pending = { longPath: undefined, longLink: undefined, pax: undefined };
  #meta = { type: '', bytes: new Uint8Array(0), filled: 0 };
  #entry: TarEntry | undefined;
  #ranges: SparseRange[] = [];
  #sparseMap = new SparseMapReader();
  #range = 0;
  #inRange = 0;
  /** Stored bytes of the entry that are still to come, and the padding after them. */
  #left = 0;
  #padding = 0;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  /** Takes the next bytes of the archive. @throws invalid, and whatever the sink throws */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && this.#state !== 'end'; ) at += this.#step(chunk, at);
  }

  /** Tells that no more bytes come. @throws invalid when that is too early */
  finish(): void {
    const mayEnd = this.#state === 'header' || this.#state === 'zero' || this.#state === 'end';
    if (!mayEnd || this.#filled > 0) throw badArchive('it ends in the middle of an entry');
    if (this.#pending.longPath !== undefined || this.#pending.pax !== undefined)
      throw badArchive('it ends after an extended header');
  }

  #step(chunk: Uint8Array, at: number): number {
    switch (this.#state) {
      case 'data':
        return this.#data(chunk, at);
      case 'meta':
        return this.#metaBytes(chunk, at);
      case 'padding': {
        const taken = Math.min(this.#padding, chunk.length - at);
        this.#padding -= taken;
        if (this.#padding === 0) this.#state = 'header';
        return taken;
      }
      default:
        return this.#fillBlock(chunk, at);
    }
  }

  #fillBlock(chunk: Uint8Array, at: number): number {
    const taken = Math.min(blockBytes - this.#filled, chunk.length - at);
    this.#block.set(chunk.subarray(at, at + taken), this.#filled);
    this.#filled += taken;
    if (this.#filled === blockBytes) {
      this.#filled = 0;
      this.#onBlock(this.#block);
    }
    return taken;
  }

  #onBlock(block: Uint8Array): void {
    switch (this.#state) {
      case 'old-sparse': {
        const { ranges, more } = parseOldSparse(block, 'extension');
        this.#ranges.push(...ranges);
        if (!more) this.#beginSparse();
        else if (this.#ranges.length > 1 << 16) throw badArchive('a file has too many holes');
        return;
      }
      case 'sparse-map': {
        this.#left -= blockBytes;
        if (this.#left < 0) throw badArchive('a map of holes is longer than its file');
        const ranges = this.#sparseMap.push(block);
        if (ranges !== undefined) {
          this.#ranges = [...ranges];
          this.#beginSparse();
        }
        return;
      }
      case 'zero':
        if (!isZeroBlock(block)) throw badArchive('a lone zero block is followed by data');
        this.#state = 'end';
        return;
      default:
        if (isZeroBlock(block)) this.#state = 'zero';
        else this.#onHeader(parseHeader(block), block);
    }
  }

  #onHeader(header: RawHeader, block: Uint8Array): void {
    if (header.sizeBytes < 0) throw badArchive('an entry has a negative size');
    if ('xgLKV'.includes(header.type)) {
      if (header.sizeBytes > maximumMetaBytes) throw badArchive('an extended header is larger than 1 MiB');
      this.#meta = { type: header.type, bytes: new Uint8Array(header.sizeBytes), filled: 0 };
      this.#padding = paddingOf(header.sizeBytes);
      this.#state = 'meta';
      if (header.sizeBytes === 0) this.#endMeta();
      return;
    }
    this.#beginEntry(header, block);
  }

  #metaBytes(chunk: Uint8Array, at: number): number {
    const meta = this.#meta;
    const taken = Math.min(meta.bytes.length - meta.filled, chunk.length - at);
    meta.bytes.set(chunk.subarray(at, at + taken), meta.filled);
    meta.filled += taken;
    if (meta.filled === meta.bytes.length) this.#endMeta();
    return taken;
  }

  #endMeta(): void {
    const { type, bytes } = this.#meta;
    if (type === 'x') this.#pending.pax = parsePax(bytes);
    else if (type === 'L') this.#pending.longPath = bytesToString(bytes);
    else if (type === 'K') this.#pending.longLink = bytesToString(bytes);
    // Docker differs not: global records (g) and volume labels (V) say nothing about files and are skipped by Go's reader too.
    this.#meta = { type: '', bytes: new Uint8Array(0), filled: 0 };
    this.#state = this.#padding > 0 ? 'padding' : 'header';
  }

  #beginEntry(header: RawHeader, block: Uint8Array): void {
    const values = this.#pending.pax?.values ?? new Map<string, string>();
    const storedText = values.get('size');
    const stored = storedText === undefined || storedText === '' ? header.sizeBytes : parseDecimal(storedText);
    const kind = kindOf(header);
    this.#left = kind === 'file' ? stored : 0;
    this.#padding = paddingOf(this.#left);
    this.#entry = entryOf({ header, kind, pending: this.#pending, values, storedBytes: this.#left });
    const isVersionOne = values.get('GNU.sparse.major') === '1' && values.get('GNU.sparse.minor') === '0';
    const isSparse = kind === 'file' && (values.has('GNU.sparse.map') || values.has('GNU.sparse.size'));
    this.#ranges = [];
    if (header.type === 'S') {
      this.#entry = { ...this.#entry, sizeBytes: oldSparseSize(block) };
      const { ranges, more } = parseOldSparse(block, 'header');
      this.#ranges = ranges;
      if (more) this.#state = 'old-sparse';
      else this.#beginSparse();
    } else if (kind === 'file' && isVersionOne) {
      this.#sparseMap = new SparseMapReader();
      this.#state = 'sparse-map';
    } else if (isSparse) {
      this.#ranges = [...(this.#pending.pax?.sparse ?? [])];
      this.#beginSparse();
    } else {
      this.#ranges = [{ offset: 0, sizeBytes: this.#left }];
      this.#beginData(this.#entry);
    }
    this.#pending = { longPath: undefined, longLink: undefined, pax: undefined };
  }

  #beginSparse(): void {
    if (this.#entry === undefined) throw new Error('unreachable: a map of holes without its entry');
    checkSparse(this.#ranges, this.#entry.sizeBytes, this.#left);
    this.#beginData(this.#entry);
  }

  #beginData(entry: TarEntry): void {
    this.#range = 0;
    this.#inRange = 0;
    this.#sink.begin(entry);
    if (this.#left > 0) this.#state = 'data';
    else this.#endEntry();
  }

  #data(chunk: Uint8Array, at: number): number {
    const range = this.#ranges[this.#range];
    if (range === undefined) throw new Error('unreachable: data beyond the last range');
    const taken = Math.min(range.sizeBytes - this.#inRange, chunk.length - at);
    if (taken > 0) this.#sink.data(chunk.subarray(at, at + taken), range.offset + this.#inRange);
    this.#inRange += taken;
    this.#left -= taken;
    if (this.#inRange === range.sizeBytes) {
      this.#range++;
      this.#inRange = 0;
    }
    if (this.#left === 0) this.#endEntry();
    return taken;
  }

  #endEntry(): void {
    this.#sink.end();
    this.#state = this.#padding > 0 ? 'padding' : 'header';
  }
}

function paddingOf(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
}

function kindOf(header: RawHeader): EntryKind {
  const kind = kinds[header.type];
  if (kind === undefined) throw badArchive(`"${textOfBytes(header.path)}" is of unknown type "${header.type}"`);
  // Before ustar a directory was a file whose name ends in a slash.
  return kind === 'file' && header.path.endsWith('/') ? 'directory' : kind;
}

type EntryParts = {
  readonly header: RawHeader;
  readonly kind: EntryKind;
  readonly pending: Pending;
  readonly values: ReadonlyMap<string, string>;
  readonly storedBytes: number;
};

function entryOf({ header, kind, pending, values, storedBytes }: EntryParts): TarEntry {
  const given = (key: string): string | undefined => values.get(key) || undefined;
  const number = (key: string, fallback: number): number => {
    const text = given(key);
    return text === undefined ? fallback : parseDecimal(text);
  };
  const time = (key: string) => {
    const text = given(key);
    return text === undefined ? undefined : parsePaxTime(text);
  };
  const path = given('GNU.sparse.name') ?? given('path') ?? pending.longPath ?? header.path;
  const entry: TarEntry = {
    kind,
    path,
    linkPath: given('linkpath') ?? pending.longLink ?? header.linkPath,
    mode: header.mode,
    uid: number('uid', header.uid),
    gid: number('gid', header.gid),
    sizeBytes: number('GNU.sparse.realsize', number('GNU.sparse.size', storedBytes)),
    modified: time('mtime') ?? { seconds: header.modifiedSeconds, nanoseconds: 0 },
    accessed: time('atime'),
    major: header.major,
    minor: header.minor,
    xattrs: xattrsOf(values),
  };
  // SAFETY: chown takes 2^32-1 as "leave it", and larger numbers wrap to another user (CVE-2024-40635).
  if (entry.uid < 0 || entry.uid > maximumIdentifier || entry.gid < 0 || entry.gid > maximumIdentifier) {
    throw badArchive(`"${textOfBytes(path)}" has an owner out of range`);
  }
  return entry;
}
