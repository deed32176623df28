import { EngineError } from '@gantry/base';
import type { AppliedLayer } from '@gantry/layer';
import {
  type ChainId,
  type DiffId,
  formatImageConfig,
  formatReference,
  type HistoryEntry,
  type ImageConfig,
  maximumLayers,
  parseImageConfig,
  parseReference,
  withDefaultTag,
} from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import { recordImageEvent } from './image-event.ts';
import { runImageJob } from './image-job.ts';
import { receiveLayer } from './receive-layer.ts';
import { chainsOf } from './record.ts';
import { getImage } from './resolve.ts';
import { storeImage } from './store-image.ts';
import type { CommitImageRequest } from './types.ts';

/**
 * Makes an image of another one and a layer on it. A layer of nothing adds none, only a line of history.
 *
 * @returns the new image's ID
 * @throws not-found when the image below is gone, invalid for a name, unavailable, cancelled
 */
export async function commitImage(deps: ImageDeps, request: CommitImageRequest, signal: AbortSignal): Promise<string> {
  const references = request.reference === '' ? [] : [parseCommitName(request.reference)];
  const below = getImage(deps, request.parent);
  const parent = parseImageConfig(below.config);
  if (parent.diffIds.length >= maximumLayers) throw new EngineError('invalid', 'max depth exceeded');
  const work = { kind: 'commit', subject: request.reference, name: 'the commit', signal };
  return await runImageJob(deps, work, async (job) => {
    const user = `job:${job.id}`;
    // The image below may be removed meanwhile; its layers are the new one's too.
    for (const chain of chainsOf(parent.diffIds).slice(-1)) deps.snapshots.hold(chain, user);
    const layer = await receiveCommit(deps, parent.diffIds, { request, user, signal: job.signal });
    const config = childConfig(parent, request, { layer, createdAt: deps.now() });
    const { id } = await storeImage(
      deps,
      {
        configBytes: formatImageConfig(config),
        config,
        manifest: undefined,
        blobs:
          layer === undefined ? [] : [{ diffId: layer.diffId, digest: layer.digest, sizeBytes: layer.storedBytes }],
        references,
      },
      (imageId) => {
        recordImageEvent(deps, 'create', { actor: imageId, name: imageId, image: deps.rows.find(imageId) });
      },
    );
    return id;
  });
}

/** The name of a new image, in the rows' form. @throws invalid with Docker's text */
function parseCommitName(reference: string): string {
  const parsed = parseReference(reference);
  if (parsed.digest !== undefined) throw new EngineError('invalid', 'refusing to create a tag with a digest reference');
  return formatReference(withDefaultTag(parsed));
}

type Receiving = { readonly request: CommitImageRequest; readonly user: string; readonly signal: AbortSignal };

async function receiveCommit(
  deps: ImageDeps,
  below: readonly DiffId[],
  { request, user, signal }: Receiving,
): Promise<AppliedLayer | undefined> {
  const { isEmpty, chunks } = await peekEmpty(request.layer);
  if (isEmpty) return undefined;
  const silent = { onReceived: () => undefined, onComplete: () => undefined, onUnpacked: () => undefined };
  return await receiveLayer(deps, {
    source: chunks,
    steps: silent,
    signal,
    parent: chainsOf(below).at(-1),
    verify: (applied): ChainId => {
      const chain = chainsOf([...below, applied.diffId]).at(-1);
      if (chain === undefined) throw new Error('unreachable: a chain of at least one layer');
      deps.snapshots.hold(chain, user);
      deps.content.hold(applied.digest, user);
      return chain;
    },
  });
}

/** Two zero blocks and nothing else. */
const emptyTarBytes = 1024;

async function peekEmpty(
  source: AsyncIterable<Uint8Array>,
): Promise<{ isEmpty: boolean; chunks: AsyncIterable<Uint8Array> }> {
  const rest = source[Symbol.asyncIterator]();
  const first = await rest.next();
  if (first.done === true) return { isEmpty: true, chunks: source };
  async function* chunks(head: Uint8Array): AsyncGenerator<Uint8Array> {
    try {
      yield head;
      for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
    } finally {
      await rest.return?.();
    }
  }
  const isEmpty = first.value.length === emptyTarBytes && first.value.every((byte) => byte === 0);
  return { isEmpty, chunks: chunks(first.value) };
}

function childConfig(
  parent: ImageConfig,
  { config, createdBy, author, comment }: CommitImageRequest,
  { layer, createdAt }: { layer: AppliedLayer | undefined; createdAt: Date },
): ImageConfig {
  const entry: HistoryEntry = { createdAt, createdBy, comment, author, emptyLayer: layer === undefined };
  return {
    ...parent,
    createdAt,
    author,
    comment,
    config,
    diffIds: layer === undefined ? parent.diffIds : [...parent.diffIds, layer.diffId],
    history: [...parent.history, entry],
  };
}
