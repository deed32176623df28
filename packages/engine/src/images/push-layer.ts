import { createReadStream } from 'node:fs';
import { EngineError, shortId } from '@gantry/base';
import { type Descriptor, type Digest, mediaTypes, plainDescriptor } from '@gantry/oci';
import type { BlobToSend, Destination } from '@gantry/registry';
import { compressionOf } from './compression-of.ts';
import type { ImageDeps, OnProgress } from './deps.ts';
import { packLayer } from './pack-layer.ts';
import type { LayerToPush } from './push-plan.ts';
import type { LayerBlob } from './rows.ts';

export type LayerPush = {
  readonly destination: Destination;
  /** Paths of repositories of the same registry that are known to have a blob. */
  readonly sources: (digest: Digest) => readonly string[];
  /** The registry gets layers that somebody else serves, too. */
  readonly sendsForeign: boolean;
  /** Who holds what is made on the way. */
  readonly user: string;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
};

/** Progress is told once in so many bytes. */
const progressBytes = 512 * 1024;
/** A registry is asked to mount from so many repositories before the bytes are sent. */
const maximumMounts = 3;

/**
 * Brings one layer into the registry: finds it there, mounts it from another repository, or sends it.
 *
 * @returns how the manifest names it
 * @throws denied, invalid, unavailable in the registry's words
 */
export async function pushLayer(deps: ImageDeps, layer: LayerToPush, push: LayerPush): Promise<Descriptor> {
  const id = shortId(layer.diffId);
  const { onProgress, destination, signal } = push;
  // Docker differs: since 28 it sends them always, and reads nothing of allow-nondistributable-artifacts.
  if (layer.kind === 'foreign' && !(push.sendsForeign && deps.content.find(layer.descriptor.digest) !== undefined)) {
    onProgress({ id, status: 'Skipped foreign layer' });
    return layer.descriptor;
  }
  if (deps.uploads.isFull) onProgress({ id, status: 'Waiting' });
  using _place = await deps.uploads.enter(signal);
  const candidates = layer.kind === 'any' ? layer.blobs.flatMap((blob) => candidate(deps, blob)) : [layer.descriptor];
  for (const descriptor of candidates) {
    if (await destination.hasBlob(descriptor.digest, signal)) {
      onProgress({ id, status: 'Layer already exists' });
      return descriptor;
    }
    for (const source of push.sources(descriptor.digest).slice(0, maximumMounts)) {
      if (!(await destination.mountBlob(descriptor.digest, source, signal))) continue;
      onProgress({ id, status: `Mounted from ${source}` });
      return descriptor;
    }
  }
  return await sendLayer(deps, { layer, candidates, id }, push);
}

/** A blob that a manifest may name: one that is packed. What only a push knew is the gzip that it made. */
function candidate(deps: ImageDeps, { digest, sizeBytes }: LayerBlob): Descriptor[] {
  const kept = deps.content.find(digest);
  const compression = kept === undefined ? 'gzip' : compressionOf(kept.path);
  if (compression === 'plain') return [];
  const mediaType = compression === 'gzip' ? mediaTypes.dockerLayerGzip : mediaTypes.ociLayerZstd;
  return [plainDescriptor({ mediaType, digest, sizeBytes })];
}

type Sending = { readonly layer: LayerToPush; readonly candidates: readonly Descriptor[]; readonly id: string };

async function sendLayer(deps: ImageDeps, { layer, candidates, id }: Sending, push: LayerPush): Promise<Descriptor> {
  const { destination, signal, onProgress } = push;
  const kept = candidates.find(({ digest }) => deps.content.find(digest) !== undefined);
  const descriptor = kept ?? (await packLayer(deps, plainPath(deps, layer), push));
  const { digest, sizeBytes: total } = descriptor;
  const file = deps.content.find(digest);
  if (file === undefined) throw new MissingBlob(digest);
  if (kept === undefined && (await destination.hasBlob(digest, signal))) {
    onProgress({ id, status: 'Layer already exists' });
    return descriptor;
  }
  let told = 0;
  const onSent = (current: number): void => {
    if (current >= told && current - told < progressBytes && current !== total) return;
    told = current;
    onProgress({ id, status: 'Pushing', current, total });
  };
  await destination.sendBlob(fileToSend(file.path, { digest, sizeBytes: total }), onSent, signal);
  onProgress({ id, status: 'Pushed' });
  return descriptor;
}

/** A blob on disk, read in pieces. */
export function fileToSend(path: string, blob: { readonly digest: Digest; readonly sizeBytes: number }): BlobToSend {
  return {
    ...blob,
    read: (start, end) => createReadStream(path, { start, end: end - 1, highWaterMark: 256 * 1024 }),
  };
}

/** Where the tar of a layer lies that has no packed blob. */
function plainPath(deps: ImageDeps, layer: LayerToPush): string {
  const blobs = layer.kind === 'any' ? layer.blobs : [layer.descriptor];
  const [file] = blobs.flatMap(({ digest }) => deps.content.find(digest) ?? []);
  if (file === undefined) throw new MissingBlob(layer.kind === 'any' ? layer.diffId : layer.descriptor.digest);
  return file.path;
}

/** A blob was believed to be in the registry, and is neither there nor here: the manifest that names it cannot be pushed. */
export class MissingBlob extends EngineError {
  constructor(digest: Digest) {
    super('unsupported', `cannot push layer "${digest}": its archive is not kept here`, {
      hint: 'pull or load the image again, then push it',
    });
  }
}
