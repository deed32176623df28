import { shortId } from '@gantry/base';
import {
  type Descriptor,
  type Digest,
  formatManifest,
  isForeignLayer,
  mediaTypes,
  parseDigest,
  plainDescriptor,
  type Reference,
  repositoryOf,
} from '@gantry/oci';
import type { Destination } from '@gantry/registry';
import type { Job } from '../jobs/index.ts';
import type { ImageDeps, OnProgress } from './deps.ts';
import { pushLayer } from './push-layer.ts';
import type { LayerToPush, PushPlan } from './push-plan.ts';
import type { ImageRow, ManifestRow } from './rows.ts';

export type Push = {
  readonly job: Job;
  readonly destination: Destination;
  readonly onProgress: OnProgress;
  /** Paths of repositories of the same registry that are known to have a blob. */
  readonly sources: (digest: Digest) => readonly string[];
  /** The registry gets layers that somebody else serves, too. */
  readonly sendsForeign: boolean;
};

/** What was put into the registry. */
export type PutManifest = { readonly digest: Digest; readonly media_type: string; readonly bytes: Uint8Array };

/** Pushes layers, config and manifest of one image. @param name what the registry shall call it; undefined: its digest */
export async function pushManifest(
  deps: ImageDeps,
  { image, plan, name }: { readonly image: ImageRow; readonly plan: PushPlan; readonly name: string | undefined },
  push: Push,
): Promise<{ readonly manifest: PutManifest; readonly layers: readonly Descriptor[] }> {
  const layers = await pushLayers(deps, plan, push);
  await pushConfig(image, push);
  const { bytes, media_type } = plan.manifest?.row ?? makeManifest(image, layers);
  const tagOrDigest = name ?? plan.manifest?.row.digest ?? '';
  const asked = { tagOrDigest, bytes, mediaType: media_type };
  const digest = await push.destination.putManifest(asked, push.job.signal);
  return { manifest: { digest, media_type, bytes }, layers };
}

/** Several at a time, topmost first, as Docker shows them; equal ones once. @returns their descriptors, lowest first */
async function pushLayers(deps: ImageDeps, plan: PushPlan, { job, ...push }: Push): Promise<readonly Descriptor[]> {
  const { onProgress } = push;
  const failing = new AbortController();
  const signal = AbortSignal.any([job.signal, failing.signal]);
  const user = `job:${job.id}`;
  const context = { ...push, user, signal };
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

async function pushConfig(image: ImageRow, { destination, job }: Push): Promise<void> {
  const digest = parseDigest(image.id);
  if (await destination.hasBlob(digest, job.signal)) return;
  const read = async function* (start: number, end: number): AsyncGenerator<Uint8Array> {
    yield image.config.subarray(start, end);
  };
  const blob = { digest, sizeBytes: image.config.length, read };
  await destination.sendBlob(blob, () => undefined, job.signal);
}

/** Docker's schema 2, or OCI's when a layer is packed in a way that only OCI has a name for. */
function makeManifest(image: ImageRow, layers: readonly Descriptor[]): Pick<ManifestRow, 'bytes' | 'media_type'> {
  const isOci = layers.some(({ mediaType }) => mediaType !== mediaTypes.dockerLayerGzip);
  const mediaType = isOci ? mediaTypes.ociManifest : mediaTypes.dockerManifest;
  const config = plainDescriptor({
    mediaType: isOci ? mediaTypes.ociConfig : mediaTypes.dockerConfig,
    digest: parseDigest(image.id),
    sizeBytes: image.config.length,
  });
  const named = layers.map((layer) =>
    isOci && layer.mediaType === mediaTypes.dockerLayerGzip ? { ...layer, mediaType: mediaTypes.ociLayerGzip } : layer,
  );
  return { bytes: formatManifest({ mediaType, config, layers: named }), media_type: mediaType };
}

export type Pushed = {
  readonly image: ImageRow;
  readonly reference: Reference;
  readonly plan: PushPlan;
  readonly layers: readonly Descriptor[];
  readonly manifest: ManifestRow;
};

/** Remembers what the registry has of an image now, and where its blobs can be mounted from. */
export function recordPushed(deps: ImageDeps, { image, reference, layers, manifest, plan }: Pushed): void {
  const { rows } = deps;
  // Somebody may have removed the image meanwhile: there is nothing to remember then.
  if (rows.find(image.id) === undefined) return;
  rows.addManifest(image.id, manifest);
  for (const [i, layer] of layers.entries()) {
    const { digest, sizeBytes } = layer;
    const diffId = plan.layers[i]?.diffId;
    if (diffId === undefined || isForeignLayer(layer)) continue;
    rows.addLayer(image.id, { diffId, digest, sizeBytes });
    rows.addOrigin(image.id, digest, repositoryOf(reference));
  }
}
