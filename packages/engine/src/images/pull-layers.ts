import { EngineError, isEngineError, shortId } from '@gantry/base';
import type { AppliedLayer } from '@gantry/layer';
import { type ChainId, type Descriptor, type DiffId, type ImageConfig, isLayerType, type Manifest } from '@gantry/oci';
import type { Job } from '../jobs/index.ts';
import type { ImageDeps, OnProgress } from './deps.ts';
import { isLayerKept, layerError, resumeLayer } from './receive-layer.ts';
import { chainsOf } from './record.ts';
import type { Sources } from './sources.ts';

export type LayersToPull = {
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly sources: Sources;
  readonly job: Job;
  readonly onProgress: OnProgress;
};

type LayerToPull = {
  readonly descriptor: Descriptor;
  readonly diffId: DiffId;
  readonly chainId: ChainId;
  readonly parent: ChainId | undefined;
};

/** Progress is told once in so many bytes. */
const progressBytes = 512 * 1024;

/** Fetches and unpacks the layers that are not there yet, several at a time; each is held by the job before it comes. */
export async function pullLayers(
  deps: ImageDeps,
  { manifest, config, sources, job, onProgress }: LayersToPull,
): Promise<void> {
  const chains = chainsOf(config.diffIds);
  const layers = manifest.layers.map((descriptor, i): LayerToPull => {
    const [diffId, chainId] = [config.diffIds[i], chains[i]];
    if (diffId === undefined || chainId === undefined) throw new Error('unreachable: the counts were compared');
    if (!isLayerType(descriptor.mediaType)) {
      throw new EngineError(
        'unsupported',
        `cannot pull layer "${descriptor.digest}": its media type is "${descriptor.mediaType}"`,
      );
    }
    return { descriptor, diffId, chainId, parent: chains[i - 1] };
  });
  for (const { descriptor, diffId, chainId } of layers) {
    deps.snapshots.hold(chainId, `job:${job.id}`);
    deps.content.hold(descriptor.digest, `job:${job.id}`);
    const status = isLayerKept(deps, { chainId, diffId, blob: descriptor.digest })
      ? 'Already exists'
      : 'Pulling fs layer';
    onProgress({ id: shortId(descriptor.digest), status });
  }
  const failing = new AbortController();
  const signal = AbortSignal.any([job.signal, failing.signal]);
  const missing = layers.filter((layer) => !isLayerKept(deps, { ...layer, blob: layer.descriptor.digest }));
  const pulls = missing.map((layer) =>
    deps.layers.join(layer.chainId, { signal, onProgress }, (shared, tell) =>
      pullLayer(deps, layer, { sources, signal: shared, tell }),
    ),
  );
  // One failure ends the others; all have undone themselves before it is told.
  for (const pull of pulls) pull.catch((error: unknown) => failing.abort(error));
  await Promise.allSettled(pulls);
  job.signal.throwIfAborted();
  failing.signal.throwIfAborted();
}

async function pullLayer(
  deps: ImageDeps,
  layer: LayerToPull,
  { sources, signal, tell }: { sources: Sources; signal: AbortSignal; tell: OnProgress },
): Promise<void> {
  const { descriptor, parent } = layer;
  const id = shortId(descriptor.digest);
  const total = descriptor.sizeBytes;
  if (deps.gate.isFull) tell({ id, status: 'Waiting' });
  using _place = await deps.gate.enter(signal);
  let told = 0;
  let isComplete = false;
  const steps = {
    onReceived: (current: number) => {
      if (current - told < progressBytes && current !== total) return;
      told = current;
      tell({ id, status: 'Downloading', current, total });
    },
    onComplete: () => {
      isComplete = true;
      tell({ id, status: 'Verifying Checksum' });
      tell({ id, status: 'Download complete' });
    },
    onUnpacked: (current: number) => {
      if (isComplete) tell({ id, status: 'Extracting', current, total });
    },
  };
  try {
    const source = (offset: number): AsyncIterable<Uint8Array> => sources.readBlob({ ...descriptor, offset }, signal);
    const verify = (applied: AppliedLayer): ChainId => verifyLayer(layer, applied);
    const receive = (): Promise<AppliedLayer> =>
      resumeLayer(deps, { digest: descriptor.digest, source, steps, signal, parent, verify });
    // A mirror that sends other bytes stands in nobody's way.
    await receive().catch(async (error: unknown) => {
      if (!isEngineError(error, 'invalid') || !sources.distrust(descriptor.digest)) throw error;
      await receive();
    });
  } catch (error) {
    throw layerError(error, id);
  }
  tell({ id, status: 'Extracting', current: total, total });
  tell({ id, status: 'Pull complete' });
}

/** SAFETY: both must fit: a wrong diff ID would record this tree under the name of another image's layer. */
function verifyLayer({ descriptor, diffId, chainId }: LayerToPull, applied: AppliedLayer): ChainId {
  if (applied.digest !== descriptor.digest) {
    throw new EngineError('invalid', `filesystem layer verification failed for digest ${descriptor.digest}`);
  }
  if (applied.diffId !== diffId) {
    throw new EngineError(
      'invalid',
      `cannot use layer "${descriptor.digest}": it unpacks to ${applied.diffId}, the image says ${diffId}`,
    );
  }
  return chainId;
}
