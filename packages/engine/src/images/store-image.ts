import { createHash } from 'node:crypto';
import { type DiffId, type Digest, type ImageConfig, parseDigest } from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import { blobsOf, entriesOf } from './parse-rows.ts';
import { bestOf, type IndexChange } from './platforms.ts';
import { chainsOf } from './record.ts';
import type { LayerBlob, ManifestRow } from './rows.ts';

export type NewImage = {
  readonly configBytes: Uint8Array;
  readonly config: ImageConfig;
  /** What a push sends again. */
  readonly manifest: ManifestRow | undefined;
  /** What its layers came as. */
  readonly blobs: readonly LayerBlob[];
  /** `docker.io/library/busybox`, where its blobs came from; undefined: from no registry. */
  readonly origin?: string;
  /** Names in the rows' form. */
  readonly references: readonly string[];
  /** What the names mean, if that is an index with the manifest in it. */
  readonly index?: ManifestRow | undefined;
  /** Manifests from beside it in the index; their blobs are here, or held by whoever calls. */
  readonly companions?: readonly ManifestRow[];
};

export function imageIdOf(configBytes: Uint8Array): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(configBytes).digest('hex')}`);
}

/**
 * Records an image whose layers are all there: the commit point of pull, load and import. Events go into the same
 * transaction.
 *
 * @returns the image's ID and whether one of its names is new or pointed elsewhere
 */
export async function storeImage(
  deps: ImageDeps,
  image: NewImage,
  record: (id: string) => void,
): Promise<{ id: string; isNews: boolean }> {
  const { rows, snapshots, content } = deps;
  const id = imageIdOf(image.configBytes);
  const user = `image:${id}`;
  const chains = chainsOf(image.config.diffIds);
  const nowMs = deps.now().getTime();
  await snapshots.settle(chains);
  const isNews = deps.db.tx(() => {
    const top = chains.at(-1);
    const isNew = rows.insert({
      id,
      config: image.configBytes,
      chain_id: top ?? '',
      stored: nowMs,
      last_tagged: image.references.length > 0 ? nowMs : null,
    });
    deps.lastUse.mark(id, nowMs);
    if (top !== undefined) snapshots.hold(top, user);
    const known = image.config.diffIds.flatMap((diffId) => rows.layerBlobs(diffId));
    // What a delta was put on is kept as the tar itself, whose digest is the diff ID.
    const plain = image.config.diffIds.flatMap((diffId) => plainBlob(content, diffId));
    for (const blob of [...image.blobs, ...known, ...plain]) {
      // A layer that was here already may have come as another blob, which a push of this image needs too.
      if (content.find(blob.digest) === undefined) continue;
      content.hold(blob.digest, user);
      rows.addLayer(id, blob);
    }
    if (image.origin !== undefined) for (const { digest } of image.blobs) rows.addOrigin(id, digest, image.origin);
    if (image.manifest !== undefined) rows.addManifest(id, image.manifest);
    for (const companion of image.companions ?? []) addCompanion(deps, id, { companion, origin: image.origin });
    const news = nameImage(deps, id, image);
    if (news.length > 0 && !isNew) rows.markTagged(id, nowMs);
    record(id);
    deps.db.afterCommit(deps.durability.syncSoon);
    return news.length > 0;
  });
  return { id, isNews };
}

/** Points names at an image, or at the index that it came in. @returns the names that meant something else before */
function nameImage(
  deps: ImageDeps,
  id: string,
  { references, index, manifest }: Pick<NewImage, 'references' | 'index' | 'manifest'>,
): readonly string[] {
  const { rows } = deps;
  if (index !== undefined)
    rows.addIndex(
      index,
      entriesOf(index).map(({ digest }) => digest),
    );
  const news = references.filter((reference) => {
    const named = rows.findReference(reference);
    const isSameIndex = named?.indexDigest === index?.digest;
    return named === undefined || !isSameIndex || (index === undefined && named.imageId !== id);
  });
  for (const reference of news) rows.setReference(reference, { imageId: id, indexDigest: index?.digest });
  rows.sweepIndexes();
  if (manifest !== undefined) settleNames(deps, rows.indexesNaming(manifest.digest), { newest: id });
  return news;
}

/** What runs best here is what the names of an index mean; nothing changes where none of its images is here. */
export function settleNames(
  deps: Pick<ImageDeps, 'rows' | 'platform'>,
  indexDigests: readonly string[],
  change: IndexChange,
): void {
  for (const digest of indexDigests) {
    const best = bestOf(deps, digest, change);
    if (best !== undefined) deps.rows.setBest(digest, best);
  }
}

type Companion = { readonly companion: ManifestRow; readonly origin: string | undefined };

function addCompanion({ rows, content }: ImageDeps, id: string, { companion, origin }: Companion): void {
  rows.addCompanion(id, companion);
  for (const { digest } of blobsOf(companion)) {
    content.hold(digest, `image:${id}`);
    if (origin !== undefined) rows.addOrigin(id, digest, origin);
  }
}

function plainBlob(content: ImageDeps['content'], diffId: DiffId): LayerBlob[] {
  const digest = parseDigest(diffId);
  const kept = content.find(digest);
  return kept === undefined ? [] : [{ diffId, digest, sizeBytes: kept.sizeBytes }];
}
