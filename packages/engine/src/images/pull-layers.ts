import { EngineError, isEngineError, shortId } from '@gantry/base';
import type { AppliedLayer } from '@gantry/layer';
import {
  type ChainId,
  type Descriptor,
  type DiffId,
  type ImageConfig,
  isLayerType,
  type Manifest,
  parseDigest,
} from '@gantry/oci';
import type { Job } from '../jobs/index.ts';
import type { ImageDeps, OnProgress } from './deps.ts';
import { type DeltaBase, deltaBases, pullDelta } from './pull-delta.ts';
import { isLayerKept, type LayerPlan, type LayerSteps, layerError, resumeLayer, unpackKept } from './receive-layer.ts';
import { chainsOf } from './record.ts';
import type { Sources } from './sources.ts';

export type LayersToPull = {
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  /** Where they come from: `docker.io/library/busybox`. */
  readonly repository: string;
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
  { manifest, config, repository, sources, job, onProgress }: LayersToPull,
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
  const user = `job:${job.id}`;
  for (const { descriptor, diffId, chainId } of layers) {
    deps.snapshots.hold(chainId, user);
    // Whichever it becomes: the blob, or the tar that a delta makes.
    for (const digest of [descriptor.digest, parseDigest(diffId)]) deps.content.hold(digest, user);
    const status = isLayerKept(deps, { chainId, diffId, blob: descriptor.digest })
      ? 'Already exists'
      : 'Pulling fs layer';
    onProgress({ id: shortId(descriptor.digest), status });
  }
  const failing = new AbortController();
  const signal = AbortSignal.any([job.signal, failing.signal]);
  const missing = layers.filter((layer) => !isLayerKept(deps, { ...layer, blob: layer.descriptor.digest }));
  const bases = missing.length > 0 && sources.offersDeltas ? deltaBases(deps, repository, manifest) : [];
  const pulls = missing.map((layer) =>
    deps.layers.join(layer.chainId, { signal, onProgress }, (shared, tell) =>
      pullLayer(deps, layer, { sources, bases, user, signal: shared, tell }),
    ),
  );
  // One failure ends the others; all have undone themselves before it is told.
  for (const pull of pulls) pull.catch((error: unknown) => failing.abort(error));
  await Promise.allSettled(pulls);
  job.signal.throwIfAborted();
  failing.signal.throwIfAborted();
}

type LayerPull = {
  readonly sources: Sources;
  readonly bases: readonly DeltaBase[];
  readonly user: string;
  readonly signal: AbortSignal;
  readonly tell: OnProgress;
};

async function pullLayer(deps: ImageDeps, layer: LayerToPull, pull: LayerPull): Promise<void> {
  const { sources, bases, user, signal, tell } = pull;
  const { descriptor, parent } = layer;
  const id = shortId(descriptor.digest);
  const total = descriptor.sizeBytes;
  if (deps.gate.isFull) tell({ id, status: 'Waiting' });
  using _place = await deps.gate.enter(signal);
  let told = 0;
  let isComplete = false;
  const steps = {
    onReceived: (current: number, all = total) => {
      if (current >= told && current - told < progressBytes && current !== all) return;
      told = current;
      tell({ id, status: 'Downloading', current, total: all });
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
    const plan = { parent, steps, signal };
    const { digest } = descriptor;
    const verify = (applied: AppliedLayer): ChainId => verifyLayer(layer, applied);
    const verifyTar = (applied: AppliedLayer): ChainId => verifyDiffId(layer, applied);
    const source = (offset: number): AsyncIterable<Uint8Array> => sources.readBlob({ ...descriptor, offset }, signal);
    const receive = (): Promise<AppliedLayer> => resumeLayer(deps, { ...plan, digest, source, verify });
    // A mirror that sends other bytes stands in nobody's way.
    const receiveWhole = (): Promise<AppliedLayer> =>
      receive().catch(async (error: unknown) => {
        if (!isEngineError(error, 'invalid') || !sources.distrust(digest)) throw error;
        return await receive();
      });
    const isHere =
      (await reuseKept(deps, layer, { ...plan, verify: verifyTar })) ??
      (await pullDelta(deps, { ...plan, descriptor, bases, sources, user, verify: verifyTar }));
    if (isHere === undefined) await receiveWhole();
  } catch (error) {
    throw layerError(error, id);
  }
  tell({ id, status: 'Extracting', current: total, total });
  tell({ id, status: 'Pull complete' });
}

/** @returns undefined: neither the blob nor its tar is here, or what is here is damaged */
async function reuseKept(
  deps: ImageDeps,
  { descriptor, diffId }: LayerToPull,
  plan: LayerPlan & { readonly steps: LayerSteps; readonly signal: AbortSignal },
): Promise<AppliedLayer | undefined> {
  const kept = deps.content.find(descriptor.digest) ?? deps.content.find(parseDigest(diffId));
  if (kept === undefined) return undefined;
  plan.steps.onComplete();
  try {
    return await unpackKept(deps, { ...plan, kept });
  } catch (error) {
    if (isEngineError(error, 'invalid')) return undefined;
    throw error;
  }
}

/** SAFETY: both must fit: a wrong diff ID would record this tree under the name of another image's layer. */
function verifyLayer(layer: LayerToPull, applied: AppliedLayer): ChainId {
  const { digest } = layer.descriptor;
  if (applied.digest !== digest) {
    throw new EngineError('invalid', `filesystem layer verification failed for digest ${digest}`);
  }
  return verifyDiffId(layer, applied);
}

function verifyDiffId({ descriptor, diffId, chainId }: LayerToPull, applied: AppliedLayer): ChainId {
  if (applied.diffId !== diffId) {
    throw new EngineError(
      'invalid',
      `cannot use layer "${descriptor.digest}": it unpacks to ${applied.diffId}, the image says ${diffId}`,
    );
  }
  return chainId;
}
