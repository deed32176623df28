import { EngineError, isEngineError } from '@gantry/base';
import { type AppliedLayer, Growth } from '@gantry/layer';
import { type ChainId, type DiffId, type Digest, parseDigest } from '@gantry/oci';
import { type Ingest, mayGoOn } from '../content/index.ts';
import type { Draft } from '../snapshots/types.ts';
import type { ImageDeps } from './deps.ts';

export type LayerSteps = {
  readonly onReceived: (bytes: number) => void;
  /** All bytes are on disk. */
  readonly onComplete: () => void;
  readonly onUnpacked: (storedBytes: number) => void;
};

export type LayerPlan = {
  readonly parent: ChainId | undefined;
  /** Checks digest and diff ID, and says under which chain ID the layer is recorded. @throws invalid */
  readonly verify: (layer: AppliedLayer) => ChainId;
};

/**
 * Receives a layer: writes the blob while a worker unpacks it behind, verifies both, then records both. When anything
 * fails, neither the blob nor the tree is left.
 */
export async function receiveLayer(
  deps: ImageDeps,
  {
    source,
    steps,
    signal,
    ...plan
  }: LayerPlan & { source: AsyncIterable<Uint8Array>; steps: LayerSteps; signal: AbortSignal },
): Promise<AppliedLayer> {
  using ingest = deps.content.ingest();
  return await receiveInto(deps, ingest, { source, steps, signal, plan });
}

/**
 * Receives a layer whose digest is known, behind the bytes that an earlier try left: the worker reads them again, the
 * registry sends the rest. When those bytes were wrong after all, it begins anew without them.
 *
 * @param source the layer's bytes from an offset on
 */
export async function resumeLayer(
  deps: ImageDeps,
  {
    digest,
    source,
    steps,
    signal,
    ...plan
  }: LayerPlan & {
    digest: Digest;
    source: (offset: number) => AsyncIterable<Uint8Array>;
    steps: LayerSteps;
    signal: AbortSignal;
  },
): Promise<AppliedLayer> {
  let resumedBytes = 0;
  try {
    using ingest = deps.content.resume(digest);
    resumedBytes = ingest.sizeBytes;
    return await receiveInto(deps, ingest, { source: source(resumedBytes), steps, signal, plan });
  } catch (error) {
    if (resumedBytes === 0 || !isEngineError(error, 'invalid')) throw error;
    return await receiveLayer(deps, { source: source(0), steps, signal, ...plan });
  }
}

type Receiving = {
  readonly source: AsyncIterable<Uint8Array>;
  readonly steps: LayerSteps;
  readonly signal: AbortSignal;
  readonly plan: LayerPlan;
};

async function receiveInto(
  deps: ImageDeps,
  ingest: Ingest,
  { source, steps, signal, plan }: Receiving,
): Promise<AppliedLayer> {
  await using draft = deps.snapshots.draft();
  const failing = new AbortController();
  const both = AbortSignal.any([signal, failing.signal]);
  const { growth, path: file } = ingest;
  const unpacking = deps.workers.unpack(
    { file, offset: 0, directory: draft.directory, hiding: draft.hiding, growth },
    steps.onUnpacked,
    both,
  );
  const receiving = receive(ingest, source, { steps, signal: both });
  // The first failure stops the other half; both have let go of the files before these are removed.
  const stop = (error: unknown): void => failing.abort(error);
  receiving.catch(stop);
  unpacking.catch(stop);
  await Promise.allSettled([receiving, unpacking]);
  // No fault of the bytes that came: the next pull goes on behind them.
  if (both.aborted && mayGoOn(both.reason)) ingest.keep();
  signal.throwIfAborted();
  failing.signal.throwIfAborted();
  return commitLayer(deps, await unpacking, { ingest, draft, plan });
}

async function receive(
  ingest: Ingest,
  source: AsyncIterable<Uint8Array>,
  { steps, signal }: { steps: LayerSteps; signal: AbortSignal },
): Promise<void> {
  for await (const chunk of source) {
    signal.throwIfAborted();
    ingest.write(chunk);
    steps.onReceived(ingest.sizeBytes);
  }
  ingest.complete();
  steps.onComplete();
}

/** Unpacks a blob that is already on disk, such as a member of a loaded archive, and records both. */
export async function unpackBlob(
  deps: ImageDeps,
  {
    ingest,
    steps,
    signal,
    ...plan
  }: LayerPlan & { ingest: Ingest; steps: Pick<LayerSteps, 'onUnpacked'>; signal: AbortSignal },
): Promise<AppliedLayer> {
  await using draft = deps.snapshots.draft();
  const { growth, path: file } = ingest;
  const layer = await deps.workers.unpack(
    { file, offset: 0, directory: draft.directory, hiding: draft.hiding, growth },
    steps.onUnpacked,
    signal,
  );
  return commitLayer(deps, layer, { ingest, draft, plan });
}

/**
 * Unpacks a blob that is kept here already, because another image has the same layer on top of others.
 *
 * @throws invalid when it is damaged
 */
export async function unpackKept(
  deps: ImageDeps,
  {
    kept,
    steps,
    signal,
    ...plan
  }: LayerPlan & {
    kept: { readonly path: string; readonly sizeBytes: number };
    steps: Pick<LayerSteps, 'onUnpacked'>;
    signal: AbortSignal;
  },
): Promise<AppliedLayer> {
  await using draft = deps.snapshots.draft();
  const growth = Growth.complete(kept.sizeBytes);
  const { directory, hiding } = draft;
  const job = { file: kept.path, offset: 0, directory, hiding, growth };
  const layer = await deps.workers.unpack(job, steps.onUnpacked, signal);
  return commitLayer(deps, layer, { ingest: undefined, draft, plan });
}

/** `ingest` is absent when the blob is recorded already. */
type Parts = { ingest: Ingest | undefined; draft: Draft; plan: LayerPlan };

/** Verifies an unpacked layer, then records blob and tree. */
export function commitLayer(deps: ImageDeps, layer: AppliedLayer, { ingest, draft, plan }: Parts): AppliedLayer {
  const chainId = plan.verify(layer);
  const { parent } = plan;
  ingest?.commit(layer.digest);
  deps.tarSizes.keep(layer.diffId, layer.tarBytes);
  // The same tree came by another way meanwhile: the draft is one too many and goes.
  if (deps.snapshots.find(chainId) !== undefined) return layer;
  draft.commit({
    chainId,
    parent,
    diffId: layer.diffId,
    sizeBytes: layer.sizeBytes,
    impliedDirectories: layer.impliedDirectories,
    hidden: layer.hidden,
  });
  return layer;
}

/**
 * Tells whether nothing of a layer needs to come: its tree is here, and a blob that a push or a save can send. A tree alone
 * stays behind when its image is removed while a container stands on it.
 *
 * @param blob the blob that would come, if that is known; the image of it, or of its tar, may not be recorded yet
 */
export function isLayerKept(
  { snapshots, rows, content }: Pick<ImageDeps, 'snapshots' | 'rows' | 'content'>,
  { chainId, diffId, blob }: { readonly chainId: ChainId; readonly diffId: DiffId; readonly blob?: Digest },
): boolean {
  if (snapshots.find(chainId) === undefined) return false;
  const known = rows.layerBlobs(diffId).map(({ digest }) => digest);
  const blobs = [...(blob === undefined ? [] : [blob]), parseDigest(diffId), ...known];
  return blobs.some((digest) => content.find(digest) !== undefined);
}

/** Says which layer it was that could not be unpacked; other failures pass as they are. */
export function layerError(error: unknown, layer: string): unknown {
  if (!(error instanceof EngineError) || error.code === 'cancelled') return error;
  if (!/^cannot (unpack|read archive)/.test(error.message)) return error;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new EngineError(error.code, `failed to register layer ${layer}: ${error.message}`, { ...hint, cause: error });
}
