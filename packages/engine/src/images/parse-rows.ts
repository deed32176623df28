import { type Descriptor, type Manifest, parseManifest } from '@gantry/oci';
import type { ManifestRow } from './rows.ts';

/** The entries of a kept index. */
export function entriesOf({ bytes, media_type }: ManifestRow): readonly Descriptor[] {
  const parsed = parseManifest(bytes, media_type);
  if (parsed.kind !== 'index') throw new Error('unreachable: rows of indexes have no manifest');
  return parsed.manifests;
}

/** A kept manifest. */
export function manifestOf({ bytes, media_type }: ManifestRow): Manifest {
  const parsed = parseManifest(bytes, media_type);
  if (parsed.kind === 'index') throw new Error('unreachable: rows of manifests have no index');
  return parsed;
}

/** The config and the layers that a kept manifest names, each once. */
export function blobsOf(row: ManifestRow): readonly Descriptor[] {
  const { config, layers } = manifestOf(row);
  return [...new Map([config, ...layers].map((blob) => [blob.digest, blob])).values()];
}
