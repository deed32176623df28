import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
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
import { runImageJob } from './image-job.ts';
import {
  type Archive,
  type ArchivedCompanion,
  type ArchivedImage,
  type ArchivedName,
  blobPath,
  hasIndexes,
  parseLayout,
  parseSavedManifest,
} from './load-plan.ts';
import { platformOf } from './platforms.ts';
import { commitLayer, isLayerKept, layerError, unpackBlob } from './receive-layer.ts';
import { chainsOf } from './record.ts';
import type { LayerBlob } from './rows.ts';
import { storeImage } from './store-image.ts';
import type { LoadRequest } from './types.ts';

/** Of a whole machine's images, each name counted. */
const maximumImages = 1000;

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
  return await runImageJob(deps, { kind: 'load', subject: '', name: 'the load', signal }, async (job) => {
    using members = new ArchiveMembers(deps.content);
    await using early = new EarlyLayers(deps, job.signal);
    await members.read(archive, { onFile: (file) => early.begin(file), signal: job.signal });
    const loaded: string[] = [];
    const names = planLoad({ members, asked: platform, host: deps.platform });
    checkCount(names);
    for (const name of names) loaded.push(...(await loadName(deps, name, { job, members, early, onProgress })));
    return loaded;
  });
}

/** SAFETY: a name takes a few bytes of an archive, and of the engine a transaction in which others wait. */
function checkCount(names: readonly ArchivedName[]): void {
  const count = names.reduce((sum, { references, images }) => sum + Math.max(1, references.length) * images.length, 0);
  if (count <= maximumImages) return;
  throw new EngineError(
    'invalid',
    `cannot load archive: it has ${count} images and names, more than ${maximumImages}`,
    {
      hint: 'save fewer images into one archive',
    },
  );
}

type Planning = {
  readonly members: ArchiveMembers;
  readonly asked: Platform | undefined;
  readonly host: Platform;
};

/**
 * What the names of an archive mean. docker save's list holds one platform only, so who asks for one is answered from the
 * layout if the archive is one too; and so is everybody when the layout has indexes.
 *
 * @throws not-found when the archive has nothing for the platform that was asked for
 */
function planLoad({ members, asked, host }: Planning): readonly ArchivedName[] {
  const archive: Archive = {
    read: (path, maximumBytes) => readMember(members, path, maximumBytes),
    has: (path) => members.has(path),
  };
  const isSaved = archive.has('manifest.json');
  const layout = archive.has('index.json') ? archive.read('index.json', maximumManifestBytes) : undefined;
  if (!isSaved && layout === undefined) {
    throw new EngineError('invalid', 'cannot load archive: it has neither manifest.json nor index.json', {
      hint: 'a root filesystem becomes an image with: docker import',
    });
  }
  const isListed = isSaved && (layout === undefined || (asked === undefined && !hasIndexes(layout)));
  const names =
    isListed || layout === undefined
      ? parseSavedManifest(archive.read('manifest.json', maximumManifestBytes))
      : parseLayout(layout, archive, { platform: asked, host });
  if (names.length === 0 && asked === undefined && !isListed) {
    throw new EngineError('invalid', 'cannot load archive: no image of its index is in it whole');
  }
  if (asked === undefined) return names;
  const fitting = names.filter(({ images }) => images.every((image) => isFor(image, archive, asked)));
  if (fitting.length > 0) return fitting;
  const there = platformsThere(archive, { names, layout }, host);
  const hint = there.length === 0 ? {} : { hint: `it has images for ${there.join(', ')}` };
  const text = `cannot load archive: it has no image for platform ${formatPlatform(asked)}`;
  throw new EngineError('not-found', text, hint);
}

function isFor(image: ArchivedImage, archive: Archive, wanted: Platform): boolean {
  return choosePlatform([{ platform: archivedPlatform(image, archive) }], wanted) !== undefined;
}

function archivedPlatform({ configPath }: ArchivedImage, archive: Archive): Platform {
  return platformOf({ config: archive.read(configPath, maximumConfigBytes) });
}

type Found = { readonly names: readonly ArchivedName[]; readonly layout: Uint8Array | undefined };

/** What somebody who asked for another platform could have asked for. */
function platformsThere(archive: Archive, { names, layout }: Found, host: Platform): readonly string[] {
  const all = layout === undefined ? names : parseLayout(layout, archive, { platform: undefined, host });
  const images = all.flatMap((name) => name.images);
  return [...new Set(images.map((image) => formatPlatform(archivedPlatform(image, archive))))];
}

/** SAFETY: a member that is named by a digest must have it: its name is what other documents trust. */
function readMember(members: ArchiveMembers, path: string, maximumBytes: number): Uint8Array {
  const { path: file, sizeBytes } = members.get(path);
  if (sizeBytes > maximumBytes)
    throw new EngineError('invalid', `cannot load archive: "${path}" is larger than ${maximumBytes} bytes`);
  const bytes = readFileSync(file);
  const [, algorithm, named] = /^blobs\/(sha256|sha512)\/([a-f0-9]{64,128})$/.exec(path) ?? [];
  if (algorithm !== undefined && createHash(algorithm).update(bytes).digest('hex') !== named) {
    throw new EngineError('invalid', `cannot load archive: "${path}" does not have that digest`);
  }
  return bytes;
}

/** @returns the names, or the ID of an image without one */
async function loadName(deps: ImageDeps, name: ArchivedName, loading: Loading): Promise<readonly string[]> {
  const { references, index, images } = name;
  const before = references.flatMap((reference) => ({ reference, named: deps.rows.findReference(reference) }));
  const ids: string[] = [];
  for (const image of images) ids.push(await loadImage(deps, image, { ...loading, references, index }));
  for (const { reference, named } of before) {
    if (named === undefined || ids.includes(named.imageId)) continue;
    if (index !== undefined && named.indexDigest === index.digest) continue;
    const status = `The image ${reference} already exists, renaming the old one with ID ${named.imageId} to empty string`;
    loading.onProgress({ status });
  }
  return references.length > 0 ? references : ids;
}

async function loadImage(
  deps: ImageDeps,
  image: ArchivedImage,
  { references, index, ...loading }: Loading & Pick<ArchivedName, 'references' | 'index'>,
): Promise<string> {
  const configBytes = readMember(loading.members, image.configPath, maximumConfigBytes);
  const config = parseImageConfig(configBytes);
  if (config.diffIds.length > maximumLayers) throw new EngineError('invalid', 'max depth exceeded');
  const [expected, actual] = [config.diffIds.length, image.layerPaths.length];
  if (expected !== actual)
    throw new EngineError('invalid', `invalid manifest, layers length mismatch: expected ${expected}, got ${actual}`);
  const blobs = await loadLayers(deps, image, { config, ...loading });
  for (const companion of image.companions) await loadCompanion(deps, companion, loading);
  const { id } = await storeImage(
    deps,
    {
      configBytes,
      config,
      manifest: image.manifest,
      blobs,
      references,
      index,
      companions: image.companions.map(({ manifest }) => manifest),
    },
    (imageId) => {
      recordImageEvent(deps, 'load', { actor: imageId, name: imageId, image: deps.rows.find(imageId) });
    },
  );
  return id;
}

/** SAFETY: a blob is what its digest says, not what its name in the archive says. */
async function loadCompanion(deps: ImageDeps, { blobs }: ArchivedCompanion, { members, job }: Loading): Promise<void> {
  for (const { digest } of blobs) {
    deps.content.hold(digest, `job:${job.id}`);
    if (deps.content.find(digest) !== undefined) continue;
    const path = blobPath({ digest });
    const { path: file, commit } = members.get(path);
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(file, { signal: job.signal })) hash.update(chunk);
    if (`sha256:${hash.digest('hex')}` !== digest)
      throw new EngineError('invalid', `cannot load archive: "${path}" does not have that digest`);
    commit(digest);
  }
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
    if (isLayerKept(deps, { chainId, diffId })) return;
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
