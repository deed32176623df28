import { createHash } from 'node:crypto';
import { EngineError, isEngineError } from '@gantry/base';
import { type Descriptor, type Digest, entryKind, type Index, parseManifest } from '@gantry/oci';
import type { FetchedManifest } from '@gantry/registry';
import type { Job } from '../jobs/index.ts';
import type { ImageDeps } from './deps.ts';
import type { ManifestRow } from './rows.ts';
import type { Sources } from './sources.ts';

export type CompanionPull = { readonly sources: Sources; readonly job: Job };

const maximumCompanions = 32;

/**
 * Fetches what lies beside an image in its index and belongs to it: what was attested of it, and artifacts of the index
 * as a whole. A push of the index needs them, nothing else does, so one that the registry has lost is done without.
 *
 * @param image digest of the image's manifest
 */
export async function pullCompanions(
  deps: ImageDeps,
  { index, image }: { readonly index: Index; readonly image: Digest },
  pull: CompanionPull,
): Promise<readonly ManifestRow[]> {
  const entries = companionsOf(index)(image);
  const rows = await settleAll(entries.map((entry) => fetchCompanion(deps, entry, pull)));
  return rows.filter((row) => row !== undefined);
}

/** Waits for all before one failure is told: none goes on behind the asker's back. */
export async function settleAll<Works extends readonly unknown[]>(
  works: readonly [...Works],
): Promise<{ -readonly [Index in keyof Works]: Awaited<Works[Index]> }> {
  await Promise.allSettled(works);
  return await Promise.all(works);
}

/**
 * Finds the entries of an index that go along with an image of it.
 *
 * SAFETY: an index may name as many as fit into it, and each costs requests, files and rows: who names more than anybody
 * attests gets none.
 */
export function companionsOf(index: Index): (image: Digest) => readonly Descriptor[] {
  const kinds = index.manifests.map((entry) => ({ entry, kind: entryKind(entry) }));
  const artifacts = kinds.flatMap(({ entry, kind }) => (kind.kind === 'artifact' ? [entry] : []));
  const attestations = kinds.flatMap(({ entry, kind }) =>
    kind.kind === 'attestation' ? [{ entry, of: kind.of }] : [],
  );
  const byImage = Map.groupBy(attestations, ({ of }) => of);
  return (image) => {
    const own = (byImage.get(image) ?? []).map(({ entry }) => entry);
    return own.length + artifacts.length > maximumCompanions ? [] : [...own, ...artifacts];
  };
}

async function fetchCompanion(
  deps: ImageDeps,
  { digest, mediaType }: Descriptor,
  { sources, job }: CompanionPull,
): Promise<ManifestRow | undefined> {
  try {
    const known = deps.rows.findCompanion(digest);
    const { bytes } = known ?? (await sources.ask('pull', (one) => fetchManifest(one, digest, job), job.signal));
    const manifest = parseManifest(bytes, mediaType);
    if (manifest.kind === 'index') return undefined;
    for (const blob of [manifest.config, ...manifest.layers]) {
      deps.content.hold(blob.digest, `job:${job.id}`);
      if (deps.content.find(blob.digest) === undefined) await fetchBlob(deps, blob, { sources, job });
    }
    return { digest, media_type: manifest.mediaType, bytes };
  } catch (error) {
    if (isEngineError(error, 'not-found')) return undefined;
    throw error;
  }
}

type Fetcher = { fetchManifest(digest: string, signal: AbortSignal): Promise<FetchedManifest> };

function fetchManifest(repository: Fetcher, digest: Digest, { signal }: Job): Promise<FetchedManifest> {
  return repository.fetchManifest(digest, signal);
}

async function fetchBlob(deps: ImageDeps, blob: Descriptor, { sources, job }: CompanionPull): Promise<void> {
  using ingest = deps.content.ingest();
  const hash = createHash('sha256');
  for await (const chunk of sources.readBlob({ ...blob, offset: 0 }, job.signal)) {
    hash.update(chunk);
    ingest.write(chunk);
  }
  ingest.complete();
  const actual = `sha256:${hash.digest('hex')}`;
  if (actual !== blob.digest)
    throw new EngineError('invalid', `cannot use blob "${blob.digest}": the registry sent other bytes (${actual})`);
  ingest.commit(blob.digest);
}
