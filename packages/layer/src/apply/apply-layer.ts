import { createHash } from 'node:crypto';
import { EngineError } from '@gantry/base';
import { type DiffId, type Digest, parseDiffId, parseDigest } from '@gantry/oci';
import { decompress } from '../compression.ts';
import { TarReader } from '../tar/reader.ts';
import { type LayerTree, LayerWriter } from './layer-writer.ts';

export type AppliedLayer = LayerTree & {
  /** Of the bytes as they came. */
  readonly digest: Digest;
  /** Of the tar inside. */
  readonly diffId: DiffId;
  readonly storedBytes: number;
  readonly tarBytes: number;
};

/**
 * SAFETY: gzip cannot grow more than 1,032-fold, zstd can without bound: beyond this it is a bomb. The allowance lets a
 * tiny layer hold some megabytes of zeros.
 */
const maximumGrowth = 2000;
const growthAllowance = 64 * 2 ** 20;

/**
 * Unpacks a layer, compressed or not, below an open directory, in one pass: hash, decompress, hash, write.
 *
 * Nothing is taken back when it fails; the caller made the directory for this layer and removes it.
 *
 * @throws invalid (not a layer, corrupt, hostile), unsupported, SystemError (ENOSPC, …), and what the source throws
 */
export async function applyLayer(source: AsyncIterable<Uint8Array>, root: number): Promise<AppliedLayer> {
  const stored = createHash('sha256');
  const tar = createHash('sha256');
  let storedBytes = 0;
  let tarBytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      stored.update(chunk);
      storedBytes += chunk.length;
      yield chunk;
    }
  }
  using writer = new LayerWriter(root);
  const reader = new TarReader(writer);
  const { compression, chunks } = await decompress(counted());
  for await (const chunk of chunks) {
    tarBytes += chunk.length;
    if (tarBytes > storedBytes * maximumGrowth + growthAllowance) {
      throw new EngineError('invalid', `cannot unpack layer: it grows to more than ${maximumGrowth} times its size`);
    }
    if (compression !== 'plain') tar.update(chunk);
    reader.push(chunk);
  }
  reader.finish();
  const digest = parseDigest(`sha256:${stored.digest('hex')}`);
  return {
    ...writer.finish(),
    digest,
    diffId: parseDiffId(compression === 'plain' ? digest : `sha256:${tar.digest('hex')}`),
    storedBytes,
    tarBytes,
  };
}
