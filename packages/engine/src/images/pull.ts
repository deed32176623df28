import { EngineError, isEngineError } from '@gantry/base';
import {
  choosePlatform,
  type Descriptor,
  familiarName,
  formatPlatform,
  formatReference,
  type ImageConfig,
  type Index,
  isTag,
  type Manifest,
  maximumConfigBytes,
  mediaTypes,
  type Platform,
  parseImageConfig,
  parseManifest,
  parsePlatform,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from '@gantry/oci';
import type { FetchedManifest, Repository } from '@gantry/registry';
import { mayGoOn } from '../content/index.ts';
import type { Job } from '../jobs/index.ts';
import type { ImageDeps, OnProgress } from './deps.ts';
import { recordImageEvent } from './image-event.ts';
import { type ImageJob, runImageJob } from './image-job.ts';
import { nearestTags } from './nearest-tags.ts';
import { pullCompanions, settleAll } from './pull-companions.ts';
import { pullLayers } from './pull-layers.ts';
import { chainsOf } from './record.ts';
import type { LayerBlob, ManifestRow } from './rows.ts';
import { openSources, type Sources } from './sources.ts';
import { imageIdOf, storeImage } from './store-image.ts';
import type { PullRequest } from './types.ts';

type Pull = {
  readonly job: Job;
  readonly sources: Sources;
  readonly wanted: Platform;
  /** The user named a platform: then nothing else will do. */
  readonly isExplicit: boolean;
  readonly onProgress: OnProgress;
};

/**
 * Pulls an image, or all tags of a repository. When the registry fails or the asker leaves, what came of its blobs waits
 * a day for the next pull; nothing else of it is left that another image does not use.
 *
 * @throws not-found, invalid, unavailable with Docker's texts, cancelled
 */
export async function pullImage(
  deps: ImageDeps,
  request: PullRequest,
  { onProgress, signal }: { onProgress: OnProgress; signal: AbortSignal },
): Promise<void> {
  const given = parseReference(request.reference);
  const wanted = request.platform === '' ? deps.platform : parsePlatform(request.platform, deps.platform);
  const work: ImageJob = {
    kind: 'pull',
    subject: request.reference,
    name: `pull of "${request.reference}"`,
    signal,
    onFailure: (job, error) => {
      if (job.signal.aborted || mayGoOn(error)) deps.content.suspend(`job:${job.id}`);
    },
  };
  await runImageJob(deps, work, async (job) => {
    const sources = openSources(deps, given, request.auth);
    const report: OnProgress = (event) => {
      job.report(event.status);
      onProgress(event);
    };
    const pull = { job, sources, wanted, isExplicit: request.platform !== '', onProgress: report };
    const references = request.allTags ? await allTags(given, sources, job.signal) : [withDefaultTag(given)];
    let isNews = false;
    for (const reference of references) isNews = (await pullOne(deps, reference, pull)) || isNews;
    const shown = request.allTags ? familiarName(given) : formatReference(withDefaultTag(given));
    report({
      status: isNews ? `Status: Downloaded newer image for ${shown}` : `Status: Image is up to date for ${shown}`,
    });
  });
}

async function allTags(given: Reference, sources: Sources, signal: AbortSignal): Promise<Reference[]> {
  if (given.tag !== undefined || given.digest !== undefined)
    throw new EngineError('invalid', "tag can't be used with --all-tags/-a");
  const tags = await sources.ask('resolve', (repository) => repository.listTags(signal), signal);
  return tags.filter(isTag).map((tag) => ({ ...given, tag }));
}

/** @returns whether the name is new or means another image than before */
async function pullOne(deps: ImageDeps, reference: Reference, pull: Pull): Promise<boolean> {
  const { sources, onProgress, job } = pull;
  const tagOrDigest = reference.digest ?? reference.tag ?? 'latest';
  const top = await fetchTop(reference, sources, job.signal);
  onProgress({ id: tagOrDigest, status: `Pulling from ${reference.path}` });
  const { manifest, fetched, index } = await chooseManifest(top, reference, pull);
  const { configBytes, config } = await fetchConfig(manifest, reference, pull);
  const isKnown = isKept(deps, { configBytes, config }, pull.job);
  const [companions] = await settleAll([
    index === undefined ? [] : pullCompanions(deps, { index, image: fetched.digest }, pull),
    isKnown
      ? undefined
      : pullLayers(deps, { manifest, config, repository: repositoryOf(reference), sources, job, onProgress }),
  ]);
  const digestName = formatReference({ ...reference, tag: undefined, digest: top.digest });
  const tagName = reference.digest === undefined ? [formatReference(reference)] : [];
  const { isNews } = await storeImage(
    deps,
    {
      configBytes,
      config,
      manifest: manifestRow(fetched, manifest),
      index: index === undefined ? undefined : manifestRow(top, index),
      companions,
      blobs: blobsOf(manifest, config),
      origin: repositoryOf(reference),
      references: [digestName, ...tagName],
    },
    (id) => {
      const actor = formatReference(reference);
      recordImageEvent(deps, 'pull', { actor, name: familiarName(reference), image: deps.rows.find(id) });
    },
  );
  onProgress({ status: `Digest: ${top.digest}` });
  return isNews;
}

/** An image that is here needs no layers, and keeps them until the pull is through: it may be removed any moment. */
function isKept({ rows, snapshots, content }: ImageDeps, image: FetchedConfig, { id }: Job): boolean {
  const imageId = imageIdOf(image.configBytes);
  if (rows.find(imageId) === undefined) return false;
  for (const chainId of chainsOf(image.config.diffIds)) snapshots.hold(chainId, `job:${id}`);
  for (const { digest } of content.heldBy(`image:${imageId}`)) content.hold(digest, `job:${id}`);
  return true;
}

/** What a name means; a tag that is not there brings those that may have been meant. */
async function fetchTop(reference: Reference, sources: Sources, signal: AbortSignal): Promise<FetchedManifest> {
  const { digest, tag = 'latest' } = reference;
  if (digest !== undefined) return await sources.ask('pull', (one) => one.fetchManifest(digest, signal), signal);
  try {
    return await sources.ask('resolve', (one) => one.fetchManifest(tag, signal), signal);
  } catch (error) {
    if (!isEngineError(error, 'not-found') || !error.message.startsWith('manifest for ')) throw error;
    // That the tag is not there is told in any case; help with it may fail.
    const tags = await sources.ask('resolve', (one) => one.listTags(signal, 1), signal).catch(() => []);
    const near = nearestTags(tag, tags.filter(isTag)).map((one) => formatReference({ ...reference, tag: one }));
    const hint = near.length === 0 ? {} : { hint: `there is ${near.join(', ')}` };
    throw new EngineError('not-found', error.message, { cause: error, ...hint });
  }
}

function manifestRow({ digest, bytes }: FetchedManifest, { mediaType }: Manifest | Index): ManifestRow {
  return { digest, media_type: mediaType, bytes };
}

function blobsOf({ layers }: Manifest, { diffIds }: ImageConfig): LayerBlob[] {
  return layers.flatMap(({ digest, sizeBytes }, i) => {
    const diffId = diffIds[i];
    return diffId === undefined ? [] : [{ diffId, digest, sizeBytes }];
  });
}

type Choice = {
  readonly manifest: Manifest;
  readonly fetched: FetchedManifest;
  /** Where it was chosen from; undefined: the reference means this manifest. */
  readonly index: Index | undefined;
};

async function chooseManifest(top: FetchedManifest, reference: Reference, pull: Pull): Promise<Choice> {
  const parsed = parseManifest(top.bytes, top.mediaType);
  if (parsed.kind === 'manifest') return { manifest: parsed, fetched: top, index: undefined };
  const chosen = chooseEntry(parsed, reference, pull.wanted);
  const { signal } = pull.job;
  const fetched = await pull.sources.ask('pull', (one) => one.fetchManifest(chosen.digest, signal), signal);
  const manifest = parseManifest(fetched.bytes, fetched.mediaType);
  if (manifest.kind === 'index')
    throw new EngineError('unsupported', `cannot pull "${formatReference(reference)}": its index holds another index`);
  return { manifest, fetched, index: parsed };
}

function chooseEntry(index: Index, reference: Reference, wanted: Platform): Descriptor {
  const chosen = choosePlatform(index.manifests, wanted);
  if (chosen !== undefined) return chosen;
  const platforms = index.manifests.flatMap(({ platform }) =>
    platform === undefined || platform.os === 'unknown' ? [] : [formatPlatform(platform)],
  );
  throw new EngineError(
    'not-found',
    `no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`,
    {
      hint: `${formatReference(reference)} is there for ${platforms.length === 0 ? 'no platform' : platforms.join(', ')}`,
    },
  );
}

type FetchedConfig = { readonly configBytes: Uint8Array; readonly config: ImageConfig };

async function fetchConfig(
  manifest: Manifest,
  reference: Reference,
  { sources, job, wanted, isExplicit }: Pull,
): Promise<FetchedConfig> {
  const shown = formatReference(reference);
  const { mediaType } = manifest.config;
  if (mediaType !== mediaTypes.ociConfig && mediaType !== mediaTypes.dockerConfig) {
    throw new EngineError('unsupported', `unsupported media type ${mediaType}`, {
      hint: `${shown} is an artifact${manifest.artifactType === '' ? '' : ` (${manifest.artifactType})`}, not an image: a container cannot be made of it`,
    });
  }
  const fetch = (one: Repository): Promise<Uint8Array> =>
    one.fetchBlob(manifest.config, maximumConfigBytes, job.signal);
  const configBytes = await sources.ask('pull', fetch, job.signal);
  const config = parseImageConfig(configBytes);
  if (config.diffIds.length !== manifest.layers.length)
    throw new EngineError('invalid', "layers from manifest don't match image configuration");
  if (config.os !== 'linux') {
    throw new EngineError(
      'unsupported',
      `image operating system "${config.os}" cannot be used on this platform: operating system is not supported`,
    );
  }
  const platform = { os: config.os, architecture: config.architecture, variant: config.variant };
  if (isExplicit && choosePlatform([{ platform }], wanted) === undefined) {
    const text = `image with reference ${shown} was found but its platform (${formatPlatform(platform)}) does not match the specified platform (${formatPlatform(wanted)})`;
    throw new EngineError('not-found', text);
  }
  return { configBytes, config };
}
