import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { EngineError, shortId } from '@gantry/base';
import {
  type ChainId,
  choosePlatform,
  type DiffId,
  type Digest,
  formatPlatform,
  type ImageConfig,
  maximumConfigBytes,
  maximumLayers,
  maximumManifestBytes,
  type Platform,
  parseDigest,
  parseImageConfig,
} from '@gantry/oci';
import type { Job } from '../jobs/index.ts';
import { ArchiveMembers } from './archive-members.ts';
import type { ImageDeps, OnProgress } from './deps.ts';
import { type EarlyLayer, EarlyLayers } from './early-layers.ts';
import { recordImageEvent } from './image-event.ts';
import { type ArchivedImage, parseLayout, parseSavedManifest, type ReadMember } from './load-plan.ts';
import { commitLayer, layerError, unpackBlob } from './receive-layer.ts';
import { chainsOf } from './record.ts';
import type { LayerBlob } from './rows.ts';
import { storeImage } from './store-image.ts';
import type { LoadRequest } from './types.ts';

type Loading = {
  readonly job: Job;
  readonly members: ArchiveMembers;
  readonly early: EarlyLayers;
  readonly onProgress: OnProgress;
};

/**
 * Loads the images of an archive: `docker save`'s with a manifest.json, or an OCI image layout.
 *
 * @returns the names of the images, or the ID of one without a name
 * @throws invalid, unavailable, cancelled
 */
export async function loadImages(
  deps: ImageDeps,
  { archive, platform }: LoadRequest,
  { onProgress, signal }: { onProgress: OnProgress; signal: AbortSignal },
): Promise<readonly string[]> {
  return await deps.jobs.run({ kind: 'load', subject: '', signal }, async (job) => {
    const user = `job:${job.id}`;
    try {
      using members = new ArchiveMembers(deps.content);
      await using early = new EarlyLayers(deps, job.signal);
      await members.read(archive, { onFile: (file) => early.begin(file), signal: job.signal });
      const read: ReadMember = (path, maximumBytes) => readMember(members, path, maximumBytes);
      const loaded: string[] = [];
      for (const image of planLoad({ members, read, asked: platform, host: deps.platform })) {
        const id = await loadImage(deps, image, { job, members, early, onProgress });
        loaded.push(...(image.references.length > 0 ? image.references : [id]));
      }
      return loaded;
    } catch (error) {
      if (!job.signal.aborted) throw error;
      throw new EngineError('cancelled', 'the load was cancelled', { cause: error });
    } finally {
      await deps.snapshots.release(user);
      deps.content.release(user);
    }
  });
}

type Planning = {
  readonly members: ArchiveMembers;
  readonly read: ReadMember;
  readonly asked: Platform | undefined;
  readonly host: Platform;
};

/**
 * The images of an archive. docker save's list holds one platform only, so who asks for one is answered from the layout
 * if the archive is one too.
 *
 * @throws not-found when the archive has nothing for the platform that was asked for
 */
function planLoad({ members, read, asked, host }: Planning): readonly ArchivedImage[] {
  const isSaved = members.has('manifest.json');
  const isLayout = members.has('index.json');
  const fromSaved = isSaved && (asked === undefined || !isLayout);
  if (!isSaved && !isLayout) {
    throw new EngineError('invalid', 'cannot load archive: it has neither manifest.json nor index.json', {
      hint: 'a root filesystem becomes an image with: docker import',
    });
  }
  const images = fromSaved
    ? parseSavedManifest(read('manifest.json', maximumManifestBytes))
    : parseLayout(read('index.json', maximumManifestBytes), read, asked ?? host);
  const fitting = images.filter((image) => asked === undefined || isFor(image, read, asked));
  if (fitting.length > 0 || asked === undefined) return fitting;
  throw new EngineError('not-found', `cannot load archive: it has no image for platform ${formatPlatform(asked)}`);
}

function isFor({ configPath }: ArchivedImage, read: ReadMember, wanted: Platform): boolean {
  const { os, architecture, variant } = parseImageConfig(read(configPath, maximumConfigBytes));
  return choosePlatform([{ platform: { os, architecture, variant } }], wanted) !== undefined;
}

/** SAFETY: a member that is named by a digest must have it: its name is what other documents trust. */
function readMember(members: ArchiveMembers, path: string, maximumBytes: number): Uint8Array {
  const { path: file, sizeBytes } = members.get(path);
  if (sizeBytes > maximumBytes)
    throw new EngineError('invalid', `cannot load archive: "${path}" is larger than ${maximumBytes} bytes`);
  const bytes = readFileSync(file);
  const named = /^blobs\/sha256\/([a-f0-9]{64})$/.exec(path)?.[1];
  if (named !== undefined && createHash('sha256').update(bytes).digest('hex') !== named) {
    throw new EngineError('invalid', `cannot load archive: "${path}" does not have that digest`);
  }
  return bytes;
}

async function loadImage(deps: ImageDeps, image: ArchivedImage, loading: Loading): Promise<string> {
  const configBytes = readMember(loading.members, image.configPath, maximumConfigBytes);
  const config = parseImageConfig(configBytes);
  if (config.diffIds.length > maximumLayers) throw new EngineError('invalid', 'max depth exceeded');
  const [expected, actual] = [config.diffIds.length, image.layerPaths.length];
  if (expected !== actual)
    throw new EngineError('invalid', `invalid manifest, layers length mismatch: expected ${expected}, got ${actual}`);
  const blobs = await loadLayers(deps, image, { config, ...loading });
  const moved = image.references.flatMap((reference) => tellMoved(deps, reference));
  const { id } = storeImage(
    deps,
    { configBytes, config, manifest: image.manifest, blobs, references: image.references },
    (imageId) => {
      recordImageEvent(deps, 'load', { actor: imageId, name: imageId, image: deps.rows.find(imageId) });
    },
  );
  for (const { text, oldId } of moved) if (oldId !== id) loading.onProgress({ status: text });
  return id;
}

function tellMoved(deps: ImageDeps, reference: string): { text: string; oldId: string }[] {
  const oldId = deps.rows.findReference(reference);
  if (oldId === undefined) return [];
  return [
    { oldId, text: `The image ${reference} already exists, renaming the old one with ID ${oldId} to empty string` },
  ];
}

/** All layers at once: each goes into a directory of its own. @returns the blobs of those that were new */
async function loadLayers(
  deps: ImageDeps,
  image: ArchivedImage,
  { config, ...loading }: Loading & { config: ImageConfig },
): Promise<readonly LayerBlob[]> {
  const { job } = loading;
  const chains = chainsOf(config.diffIds);
  const failing = new AbortController();
  const signal = AbortSignal.any([job.signal, failing.signal]);
  const loads = config.diffIds.map(async (diffId, i) => {
    const [chainId, path] = [chains[i], image.layerPaths[i]];
    if (chainId === undefined || path === undefined) throw new Error('unreachable: the counts were compared');
    deps.snapshots.hold(chainId, `job:${job.id}`);
    const layer = { index: i, path, diffId, chainId, parent: chains[i - 1] };
    return await loadLayer(deps, layer, { ...loading, signal });
  });
  for (const load of loads) load.catch((error: unknown) => failing.abort(error));
  const settled = await Promise.allSettled(loads);
  job.signal.throwIfAborted();
  failing.signal.throwIfAborted();
  return settled.flatMap((load) => (load.status === 'fulfilled' && load.value !== undefined ? [load.value] : []));
}

type LayerToLoad = {
  readonly index: number;
  readonly path: string;
  readonly diffId: DiffId;
  readonly chainId: ChainId;
  readonly parent: ChainId | undefined;
};

async function loadLayer(
  deps: ImageDeps,
  layer: LayerToLoad,
  { job, members, early, onProgress, signal }: Loading & { signal: AbortSignal },
): Promise<LayerBlob | undefined> {
  const { chainId, diffId, parent, path } = layer;
  let blob: LayerBlob | undefined;
  await deps.layers.join(chainId, { signal, onProgress }, async (shared, tell) => {
    if (deps.snapshots.find(chainId) !== undefined) return;
    const ingest = members.get(path);
    const [id, total] = [shortId(diffId), ingest.sizeBytes];
    const steps = { onUnpacked: (current: number) => tell({ id, status: 'Loading layer', current, total }) };
    const verify = (applied: { readonly diffId: DiffId; readonly digest: Digest }): ChainId => {
      checkLayer(layer, applied);
      blob = { diffId, digest: parseDigest(applied.digest), sizeBytes: total };
      deps.content.hold(blob.digest, `job:${job.id}`);
      return chainId;
    };
    try {
      const begun = early.take(ingest);
      const request = { ingest, steps, signal: shared, parent, verify };
      if (begun === undefined) await unpackLater(deps, request);
      else await finishEarly(deps, begun, request);
    } catch (error) {
      throw layerError(error, id);
    }
    tell({ id, status: 'Loading layer', current: total, total });
  });
  return blob;
}

type LayerRequest = Parameters<typeof unpackBlob>[1];

async function unpackLater(deps: ImageDeps, request: LayerRequest): Promise<void> {
  using _place = await deps.gate.enter(request.signal);
  await unpackBlob(deps, request);
}

/** It has its place at the gate already. */
async function finishEarly(
  deps: ImageDeps,
  layer: EarlyLayer,
  { ingest, steps, signal, parent, verify }: LayerRequest,
): Promise<void> {
  const onAbort = (): void => layer.stop(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  layer.onUnpacked = steps.onUnpacked;
  try {
    const applied = await layer.applied;
    signal.throwIfAborted();
    commitLayer(deps, applied, { ingest, draft: layer.draft, plan: { parent, verify } });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function checkLayer(
  { index, diffId, path }: LayerToLoad,
  applied: { readonly diffId: DiffId; readonly digest: Digest },
): void {
  if (applied.diffId !== diffId) {
    throw new EngineError(
      'invalid',
      `invalid diffID for layer ${index}: expected "${diffId}", got "${applied.diffId}"`,
    );
  }
  const named = /^blobs\/sha256\/([a-f0-9]{64})$/.exec(path)?.[1];
  if (named !== undefined && applied.digest !== `sha256:${named}`) {
    throw new EngineError('invalid', `cannot load archive: "${path}" does not have that digest`);
  }
}
