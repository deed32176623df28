import { createHash } from 'node:crypto';
import { type DiffId, type Digest, parseDiffId, parseDigest } from '@gantry/oci';
import { decompress, giveBack } from '../compression.ts';
import { GrowthLimit } from '../growth-limit.ts';
import { TarReader } from '../tar/reader.ts';
import { type Hiding, type LayerTree, LayerWriter } from './layer-writer.ts';

export type AppliedLayer = LayerTree & {
  /** Of the bytes as they came. */
  readonly digest: Digest;
  /** Of the tar inside. */
  readonly diffId: DiffId;
  readonly storedBytes: number;
  readonly tarBytes: number;
};

/**
 * Unpacks a layer, compressed or not, below an open directory, in one pass: hash, decompress, hash, write.
 *
 * Nothing is taken back when it fails; the caller made the directory for this layer and removes it.
 *
 * @throws invalid (not a layer, corrupt, hostile), unsupported, SystemError (ENOSPC, …), and what the source throws
 */
export async function applyLayer(
  source: AsyncIterable<Uint8Array>,
  root: number,
  hiding: Hiding,
): Promise<AppliedLayer> {
  const stored = createHash('sha256');
  const tar = createHash('sha256');
  const growth = new GrowthLimit('layer');
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of growth.counted(source)) {
      stored.update(chunk);
      yield chunk;
    }
  }
  using writer = new LayerWriter(root, undefined, hiding);
  const reader = new TarReader(writer);
  const { compression, chunks } = await decompress(hashed());
  for await (const chunk of chunks) {
    growth.grow(chunk.length);
    if (compression !== 'plain') tar.update(chunk);
    reader.push(chunk);
    giveBack(chunk, compression);
  }
  reader.finish();
  const digest = parseDigest(`sha256:${stored.digest('hex')}`);
  return {
    ...writer.finish(),
    digest,
    diffId: parseDiffId(compression === 'plain' ? digest : `sha256:${tar.digest('hex')}`),
    storedBytes: growth.storedBytes,
    tarBytes: growth.grownBytes,
  };
}
