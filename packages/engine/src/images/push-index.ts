import { type Descriptor, type Digest, entryKind, isForeignLayer, type Manifest, type Reference } from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import { entriesOf, manifestOf } from './parse-rows.ts';
import { fileToSend, MissingBlob } from './push-layer.ts';
import { type Push, type PutManifest, pushManifest, recordPushed } from './push-manifest.ts';
import { exactPlan } from './push-plan.ts';
import { findMember, type ImageRow, type ManifestRow } from './rows.ts';

type IsNear = (digest: Digest) => boolean;

/** An entry of an index with what a push of it needs. */
type Entry =
  | { readonly kind: 'image'; readonly image: ImageRow; readonly row: ManifestRow; readonly parsed: Manifest }
  | { readonly kind: 'companion'; readonly row: ManifestRow; readonly parsed: Manifest };

export type WholeIndex = { readonly row: ManifestRow; readonly entries: readonly Entry[] };

/**
 * An index whose manifests are all here, with all their blobs here or known to be in the same registry: a push sends it
 * as it came. undefined when something is missing.
 */
export function findWhole(deps: ImageDeps, indexDigest: string, isNear: IsNear): WholeIndex | undefined {
  const row = deps.rows.findIndex(indexDigest);
  if (row === undefined) return undefined;
  const entries = entriesOf(row).map((descriptor) => findEntry(deps, descriptor));
  const whole = entries.filter((entry) => entry !== undefined);
  const isReachable = (blob: Descriptor): boolean =>
    deps.content.find(blob.digest) !== undefined || isForeignLayer(blob) || isNear(blob.digest);
  const isWhole = whole.length === entries.length && whole.every((entry) => blobsToPush(entry).every(isReachable));
  return isWhole ? { row, entries: whole } : undefined;
}

function findEntry({ rows }: ImageDeps, descriptor: Descriptor): Entry | undefined {
  const { digest } = descriptor;
  if (entryKind(descriptor).kind !== 'image') {
    const row = rows.findCompanion(digest);
    return row === undefined ? undefined : { kind: 'companion', row, parsed: manifestOf(row) };
  }
  const found = findMember(rows, digest);
  return found === undefined ? undefined : { kind: 'image', ...found, parsed: manifestOf(found.row) };
}

/** An image's config is in its row. */
function blobsToPush({ kind, parsed }: Entry): readonly Descriptor[] {
  return kind === 'image' ? parsed.layers : [parsed.config, ...parsed.layers];
}

/** Pushes all manifests of an index, then the index under a tag. @throws MissingBlob when the registry lost what it had */
export async function pushIndex(
  deps: ImageDeps,
  { row, entries }: WholeIndex,
  { reference, ...push }: Push & { readonly reference: Reference },
): Promise<PutManifest> {
  for (const entry of entries) {
    if (entry.kind === 'companion') await pushCompanion(deps, entry, push);
    else await pushMember(deps, entry, { ...push, reference });
  }
  const { bytes, media_type } = row;
  const asked = { tagOrDigest: reference.tag ?? '', bytes, mediaType: media_type };
  const digest = await push.destination.putManifest(asked, push.job.signal);
  return { digest, media_type, bytes };
}

async function pushMember(
  deps: ImageDeps,
  { image, row, parsed }: Extract<Entry, { kind: 'image' }>,
  { reference, ...push }: Push & { readonly reference: Reference },
): Promise<void> {
  const plan = exactPlan(image, { row, parsed });
  const { layers } = await pushManifest(deps, { image, plan, name: undefined }, push);
  deps.db.tx(() => recordPushed(deps, { image, reference, layers, plan, manifest: row }));
}

async function pushCompanion(deps: ImageDeps, { row, parsed }: Entry, push: Push): Promise<void> {
  const { destination, job, sources } = push;
  for (const blob of [parsed.config, ...parsed.layers]) {
    if (await destination.hasBlob(blob.digest, job.signal)) continue;
    if (await mount(blob.digest, { destination, job, sources })) continue;
    const file = deps.content.find(blob.digest);
    if (file === undefined) throw new MissingBlob(blob.digest);
    deps.content.hold(blob.digest, `job:${job.id}`);
    await destination.sendBlob(fileToSend(file.path, blob), () => undefined, job.signal);
  }
  const asked = { tagOrDigest: row.digest, bytes: row.bytes, mediaType: row.media_type };
  await destination.putManifest(asked, job.signal);
}

async function mount(
  digest: Digest,
  { destination, job, sources }: Pick<Push, 'destination' | 'job' | 'sources'>,
): Promise<boolean> {
  for (const source of sources(digest)) if (await destination.mountBlob(digest, source, job.signal)) return true;
  return false;
}
