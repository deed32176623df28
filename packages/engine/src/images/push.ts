import { EngineError, shortId } from '@gantry/base';
import {
  choosePlatform,
  type Descriptor,
  type Digest,
  familiarName,
  formatManifest,
  formatPlatform,
  formatReference,
  isForeignLayer,
  mediaTypes,
  type Platform,
  parseDigest,
  parseImageConfig,
  parseReference,
  type Reference,
  repositoryOf,
} from '@gantry/oci';
import { anonymous, type Destination, openDestination } from '@gantry/registry';
import type { Job } from '../jobs/index.ts';
import type { ImageDeps, OnProgress } from './deps.ts';
import { recordImageEvent } from './image-event.ts';
import { MissingBlob, pushLayer } from './push-layer.ts';
import { type LayerToPush, type PushPlan, planPush } from './push-plan.ts';
import { findImage } from './resolve.ts';
import type { ImageRow } from './rows.ts';
import type { PushRequest } from './types.ts';

type Push = {
  readonly job: Job;
  readonly destination: Destination;
  readonly onProgress: OnProgress;
};

/**
 * Pushes one tag of a repository, or all of them. What a failed push has sent stays in the registry, where the next one
 * finds it.
 *
 * @throws not-found with Docker's texts; denied, invalid, unavailable in the registry's words; cancelled
 */
export async function pushImage(
  deps: ImageDeps,
  request: PushRequest,
  { onProgress, signal }: { onProgress: OnProgress; signal: AbortSignal },
): Promise<void> {
  const parsed = parseReference(request.name);
  if (parsed.digest !== undefined) throw new EngineError('invalid', 'cannot push a digest reference');
  const repository = { ...parsed, tag: undefined };
  checkPlatform(deps, { ...repository, tag: request.tag }, request.platform);
  await deps.jobs.run({ kind: 'push', subject: request.name, signal }, async (job) => {
    const report: OnProgress = (event) => {
      job.report(event.status);
      onProgress(event);
    };
    const { registries } = deps;
    const destination = openDestination(repository, { credentials: request.auth ?? anonymous, registries });
    try {
      report({ status: `The push refers to repository [${repositoryOf(repository)}]` });
      for (const reference of referencesOf(deps, repository, request.tag))
        await pushOne(deps, reference, { job, destination, onProgress: report });
      const asked = request.tag === '' ? repository : { ...repository, tag: request.tag };
      recordImageEvent(deps, 'push', {
        actor: formatReference(asked),
        name: familiarName(asked),
        image: findImage(deps, formatReference(asked)),
      });
    } catch (error) {
      if (!job.signal.aborted) throw error;
      throw new EngineError('cancelled', `push of "${request.name}" was cancelled`, { cause: error });
    } finally {
      deps.content.release(`job:${job.id}`);
    }
  });
}

/** @throws not-found with Docker's texts */
function referencesOf({ rows }: ImageDeps, repository: Reference, tag: string): readonly Reference[] {
  const name = familiarName(repository);
  const tags = rows
    .allReferences()
    .map(({ reference }) => parseReference(reference))
    .filter((known) => known.tag !== undefined && repositoryOf(known) === repositoryOf(repository));
  if (tags.length === 0) throw new EngineError('not-found', `An image does not exist locally with the tag: ${name}`);
  if (tag === '') return tags.sort((one, other) => ((one.tag ?? '') < (other.tag ?? '') ? -1 : 1));
  const found = tags.find((known) => known.tag === tag);
  if (found !== undefined) return [found];
  throw new EngineError('not-found', `tag does not exist: ${name}:${tag}`, {
    hint: `there is ${tags.map(formatReference).slice(0, 5).join(', ')}`,
  });
}

async function pushOne(deps: ImageDeps, reference: Reference, push: Push): Promise<void> {
  const { rows } = deps;
  const shown = formatReference(reference);
  const image = findImage(deps, shown);
  if (image === undefined) throw new EngineError('not-found', `tag does not exist: ${shown}`);
  deps.lastUse.mark(image.id, deps.now().getTime());
  const { domain } = reference;
  const near = (digest: Digest): readonly string[] =>
    rows.origins(digest).flatMap((text) => {
      const slash = text.indexOf('/');
      return text.slice(0, slash) === domain ? [text.slice(slash + 1)] : [];
    });
  const sources = (digest: Digest): readonly string[] => near(digest).filter((path) => path !== reference.path);
  const isNear = (digest: Digest): boolean => near(digest).length > 0;
  const { plan, layers } = await pushPlanned(deps, { image, isNear }, { ...push, sources });
  const { bytes, mediaType } = await pushConfig({ image, plan, layers }, push);
  const tag = reference.tag ?? '';
  const digest = await push.destination.putManifest({ tagOrDigest: tag, bytes, mediaType }, push.job.signal);
  recordPush(deps, { image, reference, layers, manifest: { digest, media_type: mediaType, bytes }, plan });
  push.onProgress({
    status: `${tag}: digest: ${digest} size: ${bytes.length}`,
    pushed: { tag, digest, sizeBytes: bytes.length },
  });
}

/** An image is for one platform here: another cannot be asked of it. @throws not-found with Docker's text */
function checkPlatform(deps: ImageDeps, reference: Reference, wanted: Platform | undefined): void {
  const shown = formatReference(reference);
  const image = wanted === undefined || reference.tag === '' ? undefined : findImage(deps, shown);
  if (wanted === undefined || image === undefined) return;
  const { os, architecture, variant } = parseImageConfig(image.config);
  const platform = { os, architecture, variant };
  if (choosePlatform([{ platform }], wanted) !== undefined) return;
  throw new EngineError(
    'not-found',
    `image with reference ${shown} was found but its platform (${formatPlatform(platform)}) does not match the specified platform (${formatPlatform(wanted)})`,
  );
}

/** A registry may have lost what it once had: then only what is here counts. */
async function pushPlanned(
  deps: ImageDeps,
  { image, isNear }: { readonly image: ImageRow; readonly isNear: (digest: Digest) => boolean },
  push: LayersPush,
): Promise<{ readonly plan: PushPlan; readonly layers: readonly Descriptor[] }> {
  const plan = planPush(deps, image, isNear);
  try {
    return { plan, layers: await pushLayers(deps, plan, push) };
  } catch (error) {
    if (!(error instanceof MissingBlob)) throw error;
    const whole = planPush(deps, image, () => false);
    return { plan: whole, layers: await pushLayers(deps, whole, push) };
  }
}

type LayersPush = Push & { readonly sources: (digest: Digest) => readonly string[] };

/** Several at a time, topmost first, as Docker shows them; equal ones once. @returns their descriptors, lowest first */
async function pushLayers(
  deps: ImageDeps,
  plan: PushPlan,
  { job, destination, sources, onProgress }: LayersPush,
): Promise<readonly Descriptor[]> {
  const failing = new AbortController();
  const signal = AbortSignal.any([job.signal, failing.signal]);
  const user = `job:${job.id}`;
  const context = { destination, sources, user, signal, onProgress };
  // The image may be removed while it is pushed; its blobs stay until they are sent.
  for (const digest of plan.layers.flatMap(digestsOf)) if (deps.content.find(digest)) deps.content.hold(digest, user);
  const pushes = new Map<string, Promise<Descriptor>>();
  const topFirst = plan.layers.toReversed();
  for (const { diffId } of topFirst) onProgress({ id: shortId(diffId), status: 'Preparing' });
  for (const layer of topFirst) {
    if (pushes.has(layer.diffId)) continue;
    const pushing = pushLayer(deps, layer, context);
    pushes.set(layer.diffId, pushing);
    // One failure ends the others; all have stopped before it is told.
    pushing.catch((error: unknown) => failing.abort(error));
  }
  await Promise.allSettled(pushes.values());
  job.signal.throwIfAborted();
  failing.signal.throwIfAborted();
  const sent = await Promise.all(plan.layers.map(({ diffId }) => pushes.get(diffId)));
  return sent.filter((descriptor) => descriptor !== undefined);
}

function digestsOf(layer: LayerToPush): readonly Digest[] {
  return layer.kind === 'any' ? layer.blobs.map(({ digest }) => digest) : [layer.descriptor.digest];
}

type Made = { readonly image: ImageRow; readonly plan: PushPlan; readonly layers: readonly Descriptor[] };

/** Sends the config and gives the manifest that names it. */
async function pushConfig(
  { image, plan, layers }: Made,
  { destination, job }: Push,
): Promise<{ bytes: Uint8Array; mediaType: string }> {
  const digest = parseDigest(image.id);
  if (!(await destination.hasBlob(digest, job.signal))) {
    const read = async function* (start: number, end: number): AsyncGenerator<Uint8Array> {
      yield image.config.subarray(start, end);
    };
    const blob = { digest, sizeBytes: image.config.length, read };
    await destination.sendBlob(blob, () => undefined, job.signal);
  }
  if (plan.manifest !== undefined) return { bytes: plan.manifest.row.bytes, mediaType: plan.manifest.parsed.mediaType };
  return makeManifest(image, layers);
}

/** Docker's schema 2, or OCI's when a layer is packed in a way that only OCI has a name for. */
function makeManifest(image: ImageRow, layers: readonly Descriptor[]): { bytes: Uint8Array; mediaType: string } {
  const isOci = layers.some(({ mediaType }) => mediaType !== mediaTypes.dockerLayerGzip);
  const mediaType = isOci ? mediaTypes.ociManifest : mediaTypes.dockerManifest;
  const config: Descriptor = {
    mediaType: isOci ? mediaTypes.ociConfig : mediaTypes.dockerConfig,
    digest: parseDigest(image.id),
    sizeBytes: image.config.length,
    urls: [],
    annotations: {},
    platform: undefined,
  };
  const named = layers.map((layer) =>
    isOci && layer.mediaType === mediaTypes.dockerLayerGzip ? { ...layer, mediaType: mediaTypes.ociLayerGzip } : layer,
  );
  return { bytes: formatManifest({ mediaType, config, layers: named }), mediaType };
}

type Pushed = Made & {
  readonly reference: Reference;
  readonly manifest: { readonly digest: Digest; readonly media_type: string; readonly bytes: Uint8Array };
};

/** The image learns its digest there, and where its blobs can be mounted from. */
function recordPush(deps: ImageDeps, { image, reference, layers, manifest, plan }: Pushed): void {
  const { rows } = deps;
  deps.db.tx(() => {
    // Somebody may have removed the image meanwhile: there is nothing to remember then.
    if (rows.find(image.id) === undefined) return;
    rows.setReference(formatReference({ ...reference, tag: undefined, digest: manifest.digest }), image.id);
    rows.addManifest(image.id, manifest);
    for (const [i, layer] of layers.entries()) {
      const { digest, sizeBytes } = layer;
      const diffId = plan.layers[i]?.diffId;
      if (diffId === undefined || isForeignLayer(layer)) continue;
      rows.addLayer(image.id, { diffId, digest, sizeBytes });
      rows.addOrigin(image.id, digest, repositoryOf(reference));
    }
  });
}
