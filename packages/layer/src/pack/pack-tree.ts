import { EngineError } from '@gantry/base';
import { isSystemError, type PathLike, readDirectory } from '@gantry/native';
import { rawToString } from '../byte-string.ts';
import { endOfArchive } from '../tar/writer.ts';
import { type Chunk, ChunkBuffer } from './chunk-buffer.ts';
import { emit, type Packing, packNode } from './pack-node.ts';
import { type OpenNode, openNode } from './read-node.ts';

/** Deeper than any real tree, and shallow enough for descriptors and stack. */
const maximumDepth = 1000;

/** SAFETY: each level holds a descriptor of the daemon, and a container may nest directories without end. @throws invalid */
export function checkDepth(depth: number): void {
  if (depth <= maximumDepth) return;
  throw new EngineError('invalid', `cannot read tree: a directory is more than ${maximumDepth} levels deep`);
}

export type PackOptions = {
  /** What entries' paths begin with: `dd`, `.`, `` (no entry for the directory itself). Byte string. */
  readonly base: string;
};

/**
 * Packs a directory and all that is below it, names in order of their bytes, so that equal trees make equal archives.
 * Nothing is followed and everything is reached by descriptor. A chunk is lent until the next is asked for.
 *
 * A tree may change meanwhile: what is gone when its turn comes is left out.
 *
 * @throws SystemError
 */
export function* packDirectory(top: OpenNode, { base }: PackOptions): Generator<Chunk> {
  const packing = openPacking(false);
  if (base !== '') yield* packNode(packing, top, base);
  yield* packChildren(packing, top.fd, { path: base === '/' || base === '' ? base : `${base}/`, depth: 0 });
  yield* closePacking(packing);
}

/** Packs one node that is no directory. */
export function* packSingle(node: OpenNode, name: string): Generator<Chunk> {
  const packing = openPacking(false);
  yield* packNode(packing, node, name);
  yield* closePacking(packing);
}

export function openPacking(sparse: boolean): Packing {
  return { buffer: new ChunkBuffer(), links: new Map(), sparse };
}

export function* closePacking(packing: Packing): Generator<Chunk> {
  yield* emit(packing, endOfArchive);
  yield packing.buffer.take();
}

type Place = { readonly path: string; readonly depth: number };

function* packChildren(packing: Packing, fd: number, { path, depth }: Place): Generator<Chunk> {
  checkDepth(depth);
  const names = readDirectory(fd).map(({ name }) => name);
  names.sort(Buffer.compare);
  for (const name of names) {
    using node = openIfThere(fd, name);
    if (node === undefined) continue;
    const own = path + rawToString(name);
    yield* packNode(packing, node, own);
    if (node.kind === 'directory') yield* packChildren(packing, node.fd, { path: `${own}/`, depth: depth + 1 });
  }
}

export function openIfThere(fd: number, name: PathLike): OpenNode | undefined {
  try {
    return openNode(fd, name);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENXIO')) return undefined;
    throw error;
  }
}
