import { createReadStream } from 'node:fs';
import { EngineError, isEngineError } from '@gantry/base';
import { type AppliedLayer, applyDelta, decompress, giveBack } from '@gantry/layer';
import {
  type Descriptor,
  type Digest,
  isForeignLayer,
  type Manifest,
  parseDigest,
  parseImageConfig,
  parseManifest,
} from '@gantry/oci';
import type { FoundDelta } from '@gantry/registry';
import { compressionOf } from './compression-of.ts';
import type { ImageDeps } from './deps.ts';
import { type LayerPlan, type LayerSteps, receiveLayer } from './receive-layer.ts';
import type { Sources } from './sources.ts';

/** A layer that is here and came from the repository, or went there. */
export type DeltaBase = {
  /** What the registry knows it by. */
  readonly digest: Digest;
  /** The blob that is here: the same, or its tar. */
  readonly kept: Digest;
  readonly sizeBytes: number;
};

/** A smaller layer is here before a delta of it would be made. */
const minimumBytes = 256 * 1024;
const readBytes = 256 * 1024;

/** The layers of a repository's images that a new one of it may resemble: all that are here, but those it has itself. */
export function deltaBases({ rows, content }: ImageDeps, repository: string, wanted: Manifest): readonly DeltaBase[] {
  const own = new Set(wanted.layers.map(({ digest }) => digest));
  const bases = new Map<Digest, DeltaBase>();
  for (const image of rows.withOrigin(repository).flatMap((id) => rows.find(id) ?? [])) {
    const { diffIds } = parseImageConfig(image.config);
    for (const row of rows.manifests(image.id)) {
      const manifest = parseManifest(row.bytes, row.media_type);
      if (manifest.kind === 'index' || manifest.layers.length !== diffIds.length) continue;
      for (const [i, layer] of manifest.layers.entries()) {
        const tar = parseDigest(diffIds[i] ?? layer.digest);
        const kept = [layer.digest, tar].find((digest) => content.find(digest) !== undefined);
        if (kept === undefined || own.has(layer.digest) || isForeignLayer(layer)) continue;
        bases.set(layer.digest, { digest: layer.digest, kept, sizeBytes: layer.sizeBytes });
      }
    }
  }
  return [...bases.values()];
}

export type DeltaPull = LayerPlan & {
  readonly descriptor: Descriptor;
  readonly bases: readonly DeltaBase[];
  readonly sources: Sources;
  /** Holds the base while it is read. */
  readonly user: string;
  readonly steps: Pick<LayerSteps, 'onComplete'> & {
    readonly onReceived: (bytes: number, totalBytes: number) => void;
  };
  readonly signal: AbortSignal;
};

/**
 * Brings a layer by what is different in it, if the registry can tell and an older one is here. It is verified as any
 * other: by the diff ID, since what is put together is the tar and not the blob.
 *
 * @returns undefined: it must be fetched whole, whatever the reason
 * @throws cancelled
 */
export async function pullDelta(deps: ImageDeps, pull: DeltaPull): Promise<AppliedLayer | undefined> {
  const { descriptor, bases, sources, signal } = pull;
  const nearest = nearestBases(bases, descriptor);
  if (nearest.length === 0 || descriptor.sizeBytes < minimumBytes) return undefined;
  try {
    const names = nearest.map(({ digest }) => digest);
    const delta = await sources.findDelta(descriptor, names, signal);
    const base = nearest.find(({ digest }) => digest === delta?.base);
    return delta && base && (await receiveDelta(deps, { ...pull, delta, base }));
  } catch (error) {
    signal.throwIfAborted();
    // It was a way to save bytes: whatever is wrong with it is not wrong with the layer.
    if (isEngineError(error)) return undefined;
    throw error;
  }
}

/** Half of the layer at least may be found in a base; reading one that is much larger costs more than it saves. */
function nearestBases(bases: readonly DeltaBase[], wanted: Descriptor): readonly DeltaBase[] {
  const distance = ({ sizeBytes }: DeltaBase): number => Math.abs(sizeBytes - wanted.sizeBytes);
  return bases
    .filter(({ sizeBytes }) => sizeBytes >= wanted.sizeBytes / 2 && sizeBytes <= wanted.sizeBytes * 4)
    .sort((one, other) => distance(one) - distance(other));
}

async function receiveDelta(
  deps: ImageDeps,
  { delta, base, ...pull }: DeltaPull & { delta: FoundDelta; base: DeltaBase },
): Promise<AppliedLayer> {
  const { user, steps, signal, parent, verify } = pull;
  deps.content.hold(base.kept, user);
  using tar = await openTar(deps, base.kept, signal);
  async function* told(): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    for await (const chunk of delta.read(signal)) {
      bytes += chunk.length;
      steps.onReceived(bytes, delta.sizeBytes);
      yield chunk;
    }
  }
  return await receiveLayer(deps, {
    source: applyDelta(tar.path, told()),
    steps: { onReceived: () => undefined, onComplete: steps.onComplete, onUnpacked: () => undefined },
    signal,
    parent,
    verify,
  });
}

/** A kept blob as a plain tar, which can be read in any order: the blob itself, or a file as long as it is needed. */
async function openTar(
  { content }: ImageDeps,
  digest: Digest,
  signal: AbortSignal,
): Promise<Disposable & { readonly path: string }> {
  const kept = content.find(digest);
  if (kept === undefined) throw new EngineError('not-found', `cannot use base "${digest}": it is gone`);
  if (compressionOf(kept.path) === 'plain') return { path: kept.path, [Symbol.dispose]: () => undefined };
  using undo = new DisposableStack();
  const file = undo.use(content.ingest());
  const { chunks, compression } = await decompress(createReadStream(kept.path, { highWaterMark: readBytes }));
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    file.write(chunk);
    giveBack(chunk, compression);
  }
  const life = undo.move();
  return { path: file.path, [Symbol.dispose]: () => life.dispose() };
}
