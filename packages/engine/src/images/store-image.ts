import { createHash } from 'node:crypto';
import type { Digest, ImageConfig } from '@gantry/oci';
import { parseDigest } from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
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
export function storeImage(
  deps: ImageDeps,
  image: NewImage,
  record: (id: string) => void,
): { id: string; isNews: boolean } {
  const { rows, snapshots, content } = deps;
  const id = imageIdOf(image.configBytes);
  const user = `image:${id}`;
  const chains = chainsOf(image.config.diffIds);
  const nowMs = deps.now().getTime();
  snapshots.settle(chains);
  const isNews = deps.db.tx(() => {
    const top = chains.at(-1);
    rows.insert({ id, config: image.configBytes, chain_id: top ?? '', stored: nowMs, last_tagged: null });
    deps.lastUse.mark(id, nowMs);
    if (top !== undefined) snapshots.hold(top, user);
    const known = image.config.diffIds.flatMap((diffId) => rows.layerBlobs(diffId));
    for (const blob of [...image.blobs, ...known]) {
      // A layer that was here already may have come as another blob, which a push of this image needs too.
      if (content.find(blob.digest) === undefined) continue;
      content.hold(blob.digest, user);
      rows.addLayer(id, blob);
    }
    if (image.origin !== undefined) for (const { digest } of image.blobs) rows.addOrigin(id, digest, image.origin);
    if (image.manifest !== undefined) rows.addManifest(id, image.manifest);
    const news = image.references.filter((reference) => rows.findReference(reference) !== id);
    for (const reference of news) rows.setReference(reference, id);
    if (news.length > 0) rows.markTagged(id, nowMs);
    record(id);
    deps.db.afterCommit(deps.durability.syncSoon);
    return news.length > 0;
  });
  return { id, isNews };
}
