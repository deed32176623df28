import { EngineError, shortId } from '@gantry/base';
import {
  type Descriptor,
  type DiffId,
  type Digest,
  isForeignLayer,
  type Manifest,
  parseImageConfig,
  parseManifest,
} from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import type { ImageRow, LayerBlob, ManifestRow } from './rows.ts';

/** A layer as it will stand in the manifest. */
export type LayerToPush = { readonly diffId: DiffId } & (
  | {
      /** These bytes and no others; they are here, or the registry has them already. */
      readonly kind: 'exact';
      readonly descriptor: Descriptor;
    }
  | {
      /** Somebody else serves it: it is named, and sent only where the operator allows that. */
      readonly kind: 'foreign';
      readonly descriptor: Descriptor;
    }
  | {
      /** Whichever blob unpacks to it; best first. */
      readonly kind: 'any';
      readonly blobs: readonly LayerBlob[];
    }
);

export type PushPlan = {
  /** The manifest that the image came with, sent again as it is; undefined: one is made of what was sent. */
  readonly manifest: { readonly row: ManifestRow; readonly parsed: Manifest } | undefined;
  /** Lowest first. */
  readonly layers: readonly LayerToPush[];
};

/**
 * Says what a push of an image sends. A manifest that came with it goes out again when all its blobs are here or known
 * to be in the same registry, so that a pulled image keeps its digest; else Docker's schema 2 is made of what is here.
 *
 * @param isNear tells whether a blob is known to be in the registry that is pushed to
 * @throws unsupported when a layer has no blob at all
 */
export function planPush(
  { rows, content }: Pick<ImageDeps, 'rows' | 'content'>,
  image: ImageRow,
  isNear: (digest: Digest) => boolean,
): PushPlan {
  const { diffIds } = parseImageConfig(image.config);
  const isHere = (digest: Digest): boolean => content.find(digest) !== undefined;
  for (const isReachable of [isHere, (digest: Digest) => isHere(digest) || isNear(digest)]) {
    for (const row of rows.manifests(image.id)) {
      const parsed = parseManifest(row.bytes, row.media_type);
      if (parsed.kind === 'index' || parsed.layers.length !== diffIds.length) continue;
      if (!parsed.layers.every((layer) => isForeignLayer(layer) || isReachable(layer.digest))) continue;
      return exactPlan(image, { row, parsed });
    }
  }
  const layers = diffIds.map((diffId): LayerToPush => {
    const blobs = rows.layerBlobs(diffId);
    if (!blobs.some(({ digest }) => isHere(digest))) throw noBlob(image, diffId);
    return { kind: 'any', diffId, blobs };
  });
  return { manifest: undefined, layers };
}

/** What a push sends of an image when it is to have this manifest and no other. */
export function exactPlan(image: ImageRow, manifest: NonNullable<PushPlan['manifest']>): PushPlan {
  return { manifest, layers: exactLayers(manifest.parsed, parseImageConfig(image.config).diffIds) };
}

function exactLayers(manifest: Manifest, diffIds: readonly DiffId[]): LayerToPush[] {
  return manifest.layers.flatMap((descriptor, i) => {
    const diffId = diffIds[i];
    if (diffId === undefined) return [];
    return [{ kind: isForeignLayer(descriptor) ? 'foreign' : 'exact', diffId, descriptor }];
  });
}

function noBlob(image: ImageRow, diffId: DiffId): EngineError {
  return new EngineError(
    'unsupported',
    `cannot push image ${shortId(image.id)}: the archive of its layer ${shortId(diffId)} is not kept here`,
    { hint: 'pull or load the image again, then push it' },
  );
}
