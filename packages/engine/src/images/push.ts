import { EngineError } from '@gantry/base';
import {
  type Digest,
  familiarName,
  formatReference,
  type Platform,
  parseDigest,
  parseReference,
  type Reference,
  repositoryOf,
} from '@gantry/oci';
import { anonymous, isListed, openDestination } from '@gantry/registry';
import type { ImageDeps, OnProgress } from './deps.ts';
import { recordImageEvent } from './image-event.ts';
import { runImageJob } from './image-job.ts';
import { getImageFor } from './platforms.ts';
import { findWhole, pushIndex } from './push-index.ts';
import { MissingBlob } from './push-layer.ts';
import { type Push, type PutManifest, pushManifest, recordPushed } from './push-manifest.ts';
import { planPush } from './push-plan.ts';
import { findImage } from './resolve.ts';
import type { ManifestRow, Named } from './rows.ts';
import type { ImageTarget, ProgressEvent, PushRequest } from './types.ts';

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
  const work = { kind: 'push', subject: request.name, name: `push of "${request.name}"`, signal };
  await runImageJob(deps, work, async (job) => {
    const report: OnProgress = (event) => {
      job.report(event.status);
      onProgress(event);
    };
    const { registries } = deps;
    const destination = openDestination(repository, { credentials: request.auth ?? anonymous, registries });
    report({ status: `The push refers to repository [${repositoryOf(repository)}]` });
    for (const reference of referencesOf(deps, repository, request.tag))
      await pushOne(deps, reference, { job, destination, onProgress: report, platform: request.platform });
    const asked = request.tag === '' ? repository : { ...repository, tag: request.tag };
    recordImageEvent(deps, 'push', {
      actor: formatReference(asked),
      name: familiarName(asked),
      image: findImage(deps, formatReference(asked)),
    });
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

type RepositoryPush = Omit<Push, 'sources' | 'sendsForeign'> & { readonly platform: Platform | undefined };

async function pushOne(deps: ImageDeps, reference: Reference, push: RepositoryPush): Promise<void> {
  const { rows } = deps;
  const { domain } = reference;
  const near = (digest: Digest): readonly string[] =>
    rows.origins(digest).flatMap((text) => {
      const slash = text.indexOf('/');
      return text.slice(0, slash) === domain ? [text.slice(slash + 1)] : [];
    });
  const sources = (digest: Digest): readonly string[] => near(digest).filter((path) => path !== reference.path);
  const isNear = (digest: Digest): boolean => near(digest).length > 0;
  const context = { ...push, sources, sendsForeign: isListed(domain, deps.nondistributable) };
  // A registry may have lost what it once had: then only what is here counts.
  const { digest, bytes } = await pushName(deps, { reference, isNear }, context).catch(async (error: unknown) => {
    if (!(error instanceof MissingBlob)) throw error;
    return await pushName(deps, { reference, isNear: () => false }, context);
  });
  const tag = reference.tag ?? '';
  push.onProgress({
    status: `${tag}: digest: ${digest} size: ${bytes.length}`,
    pushed: { tag, digest, sizeBytes: bytes.length },
  });
}

type NamePush = { readonly reference: Reference; readonly isNear: (digest: Digest) => boolean };

/** Pushes what a name means: its whole index, if it means one, all of it is here and nobody asks for less. */
async function pushName(
  deps: ImageDeps,
  { reference, isNear }: NamePush,
  { platform, ...push }: Push & RepositoryPush,
): Promise<PutManifest> {
  const shown = formatReference(reference);
  const named = deps.rows.findReference(shown);
  const index = platform === undefined ? named?.indexDigest : undefined;
  const whole = index === undefined ? undefined : findWhole(deps, index, isNear);
  if (whole !== undefined) {
    const put = await pushIndex(deps, whole, { ...push, reference });
    deps.db.tx(() => nameDigest(deps, { reference, digest: put.digest }, named));
    return put;
  }
  const image = getImageFor(deps, shown, platform);
  const plan = planPush(deps, image, isNear);
  const { manifest, layers } = await pushManifest(deps, { image, plan, name: reference.tag }, push);
  deps.db.tx(() => {
    recordPushed(deps, { image, reference, layers, manifest, plan });
    nameDigest(deps, { reference, digest: manifest.digest }, { imageId: image.id, indexDigest: undefined });
  });
  if (index !== undefined) {
    const status = `Pushed ${manifest.digest} instead of ${index}`;
    push.onProgress({ status, insteadOfIndex: insteadOf(deps, index, manifest) });
  }
  return manifest;
}

/** What was pushed has its digest for a name, too, unless it was removed meanwhile. */
function nameDigest(
  { rows }: ImageDeps,
  { reference, digest }: { readonly reference: Reference; readonly digest: Digest },
  named: Named | undefined,
): void {
  if (named === undefined || rows.find(named.imageId) === undefined) return;
  if (named.indexDigest !== undefined && rows.findIndex(named.indexDigest) === undefined) return;
  rows.setReference(formatReference({ ...reference, tag: undefined, digest }), named);
}

function insteadOf({ rows }: ImageDeps, indexDigest: string, manifest: PutManifest): ProgressEvent['insteadOfIndex'] {
  const index = rows.findIndex(indexDigest);
  if (index === undefined) return undefined;
  return { index: targetOf(index), manifest: targetOf(manifest) };
}

function targetOf({ digest, media_type, bytes }: ManifestRow): ImageTarget {
  return { mediaType: media_type, digest: parseDigest(digest), sizeBytes: bytes.length };
}

/** What is asked for must be here before anything is sent. @throws not-found with Docker's text */
function checkPlatform(deps: ImageDeps, reference: Reference, wanted: Platform | undefined): void {
  const shown = formatReference(reference);
  if (wanted === undefined || reference.tag === '' || findImage(deps, shown) === undefined) return;
  getImageFor(deps, shown, wanted);
}
