import {
  type Descriptor,
  maximumConfigBytes,
  type Platform,
  parseImageConfig,
  parseManifest,
  parseReference,
  withDefaultTag,
} from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import { openSources } from './sources.ts';
import type { RegistryAuth } from './types.ts';

/** What a reference means in its registry. */
export type RemoteImage = {
  readonly descriptor: Pick<Descriptor, 'mediaType' | 'digest' | 'sizeBytes'>;
  readonly platforms: readonly Platform[];
};

/** Looks at a reference in its registry without pulling it. @throws invalid, not-found, denied, unavailable */
export async function inspectRemote(
  deps: Pick<ImageDeps, 'registries'>,
  { reference, auth }: { readonly reference: string; readonly auth: RegistryAuth | undefined },
  signal: AbortSignal,
): Promise<RemoteImage> {
  const parsed = withDefaultTag(parseReference(reference));
  const sources = openSources(deps, parsed, auth);
  const wanted = parsed.digest ?? parsed.tag ?? '';
  const capability = parsed.digest === undefined ? 'resolve' : 'pull';
  const found = await sources.ask(capability, (one) => one.fetchManifest(wanted, signal), signal);
  const manifest = parseManifest(found.bytes, found.mediaType);
  const descriptor = { mediaType: manifest.mediaType, digest: found.digest, sizeBytes: found.bytes.length };
  if (manifest.kind === 'index') {
    return { descriptor, platforms: manifest.manifests.flatMap(({ platform }) => platform ?? []) };
  }
  const { os, architecture, variant } = parseImageConfig(
    await sources.ask('pull', (one) => one.fetchBlob(manifest.config, maximumConfigBytes, signal), signal),
  );
  return { descriptor, platforms: [{ os, architecture, variant }] };
}
