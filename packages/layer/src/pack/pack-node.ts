import { dataRanges, type FileStat, pread, readFd } from '@gantry/native';
import type { TarEntry } from '../tar/entry.ts';
import type { SparseRange } from '../tar/sparse.ts';
import { formatSparseHeader, maximumStoredRanges } from '../tar/sparse-writer.ts';
import { formatHeader, paddingAfter } from '../tar/writer.ts';
import type { Chunk, ChunkBuffer } from './chunk-buffer.ts';
import { entryOf, type OpenNode } from './read-node.ts';

/** What a pack is of: names of inodes seen so far, and the form of the archive. */
export type Packing = {
  readonly buffer: ChunkBuffer;
  /** Path of the first name of each inode that has several. */
  readonly links: Map<string, string>;
  /** Huge holes stay holes. Only readers of pax archives understand it, so not for what users' own programs read. */
  readonly sparse: boolean;
};

/**
 * Smaller holes are written as zeros, as Docker writes all of them: it loads and runs a layer with a sparse file, but
 * cannot save or push it again (seen with 28.5: "could not verify layer data"). Beyond this there is no choice.
 */
const hugeHoleBytes = 2 ** 30;

/** Writes bytes through the buffer; yields each chunk that is full. */
export function* emit({ buffer }: Pick<Packing, 'buffer'>, bytes: Uint8Array): Generator<Chunk> {
  for (let done = 0; done < bytes.length; ) {
    done += buffer.add(bytes.subarray(done));
    if (buffer.isFull) yield buffer.take();
  }
}

/** Packs one open node under a path, without what is below it. A socket is left out, as Docker does. */
export function* packNode(packing: Packing, node: OpenNode, path: string): Generator<Chunk> {
  const { stat, kind } = node;
  if (kind === undefined) return;
  const entry = entryOf({ ...node, kind }, path);
  const first = firstName(packing, stat, { path, isDirectory: kind === 'directory' });
  if (first !== undefined) {
    yield* emit(
      packing,
      formatHeader({ ...entry, kind: 'hardlink', linkPath: first, sizeBytes: 0, xattrs: new Map() }),
    );
    return;
  }
  if (kind === 'file' && packing.sparse && stat.sizeBytes - stat.blocks512 * 512 >= hugeHoleBytes) {
    const ranges = dataRanges(node.fd, stat.sizeBytes);
    if (ranges.length <= maximumStoredRanges) return yield* packSparse(packing, node.fd, { entry, ranges });
  }
  yield* emit(packing, formatHeader(entry));
  if (kind === 'file') yield* packContent(packing, node.fd, entry.sizeBytes);
}

/** The path under which the same inode was packed before, if it was. */
function firstName(
  { links }: Packing,
  stat: FileStat,
  { path, isDirectory }: { path: string; isDirectory: boolean },
): string | undefined {
  if (stat.linkCount < 2 || isDirectory) return undefined;
  const inode = `${stat.deviceMajor}:${stat.deviceMinor}:${stat.inode}`;
  const first = links.get(inode);
  if (first === undefined) links.set(inode, path);
  return first;
}

/**
 * Exactly as many bytes as the header said: a file that grows meanwhile is cut off there, one that shrinks is filled up
 * with zeros. Anything else would break the archive for every file after it.
 */
function* packContent(packing: Packing, fd: number, sizeBytes: number): Generator<Chunk> {
  const { buffer } = packing;
  for (let left = sizeBytes; left > 0; ) {
    const room = buffer.room(left);
    const count = readFd(fd, room);
    if (count === 0) room.fill(0);
    const taken = count === 0 ? room.length : count;
    buffer.fill(taken);
    left -= taken;
    if (buffer.isFull) yield buffer.take();
  }
  yield* emit(packing, paddingAfter(sizeBytes));
}

function* packSparse(
  packing: Packing,
  fd: number,
  { entry, ranges }: { entry: TarEntry; ranges: readonly SparseRange[] },
): Generator<Chunk> {
  const { buffer } = packing;
  const header = formatSparseHeader(entry, ranges);
  yield* emit(packing, header.bytes);
  for (const { offset, sizeBytes } of ranges) {
    for (let done = 0; done < sizeBytes; ) {
      const room = buffer.room(sizeBytes - done);
      const count = pread(fd, room, offset + done);
      if (count === 0) room.fill(0);
      const taken = count === 0 ? room.length : count;
      buffer.fill(taken);
      done += taken;
      if (buffer.isFull) yield buffer.take();
    }
  }
  yield* emit(packing, paddingAfter(header.storedBytes));
}
