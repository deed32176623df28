import { EngineError } from '@gantry/base';
import {
  type ChainId,
  emptyRunConfig,
  formatImageConfig,
  formatReference,
  type ImageConfig,
  parseChainId,
  parsePlatform,
  parseReference,
  withDefaultTag,
} from '@gantry/oci';
import type { ImageDeps, OnProgress } from './deps.ts';
import { recordImageEvent } from './image-event.ts';
import { runImageJob } from './image-job.ts';
import { applyChanges } from './import-changes.ts';
import { layerError, receiveLayer } from './receive-layer.ts';
import { storeImage } from './store-image.ts';
import type { ImportRequest } from './types.ts';

/**
 * Makes a one-layer image of a root filesystem's tar. What is wrong with the request is told before a byte is read.
 *
 * @returns the image's ID
 * @throws invalid, unavailable, cancelled
 */
export async function importImage(
  deps: ImageDeps,
  request: ImportRequest,
  { onProgress, signal }: { onProgress: OnProgress; signal: AbortSignal },
): Promise<string> {
  const references = request.reference === '' ? [] : [parseImportName(request.reference)];
  const config = applyChanges(emptyRunConfig, request.changes);
  const platform = request.platform === '' ? deps.platform : parsePlatform(request.platform, deps.platform);
  const work = { kind: 'import', subject: request.reference, name: 'the import', signal };
  return await runImageJob(deps, work, async (job) => {
    const user = `job:${job.id}`;
    const layer = await receiveImport(deps, request.archive, { user, signal: job.signal, onProgress });
    const createdAt = deps.now();
    const image: ImageConfig = {
      createdAt,
      ...platform,
      author: '',
      comment: request.message,
      dockerVersion: '',
      config,
      diffIds: [layer.diffId],
      history: [{ createdAt, createdBy: '', comment: request.message, emptyLayer: false, author: '' }],
    };
    const { id } = await storeImage(
      deps,
      {
        configBytes: formatImageConfig(image),
        config: image,
        manifest: undefined,
        blobs: [{ diffId: layer.diffId, digest: layer.digest, sizeBytes: layer.storedBytes }],
        references,
      },
      (imageId) => {
        recordImageEvent(deps, 'import', { actor: imageId, name: imageId, image: deps.rows.find(imageId) });
      },
    );
    onProgress({ status: id });
    return id;
  });
}

function parseImportName(reference: string): string {
  const parsed = parseReference(reference);
  if (parsed.digest !== undefined) throw new EngineError('invalid', 'cannot import digest reference');
  return formatReference(withDefaultTag(parsed));
}

type Receiving = { readonly user: string; readonly signal: AbortSignal; readonly onProgress: OnProgress };

/** The layer's names are only known once it is there, so it is held between its verification and its commit. */
async function receiveImport(
  deps: ImageDeps,
  source: AsyncIterable<Uint8Array>,
  { user, signal, onProgress }: Receiving,
) {
  const steps = {
    onReceived: (current: number) => onProgress({ status: 'Importing', current }),
    onComplete: () => undefined,
    onUnpacked: () => undefined,
  };
  let known: ChainId | undefined;
  try {
    return await receiveLayer(deps, {
      source,
      steps,
      signal,
      parent: undefined,
      verify: (applied) => {
        known = parseChainId(applied.diffId);
        deps.snapshots.hold(known, user);
        deps.content.hold(applied.digest, user);
        return known;
      },
    });
  } catch (error) {
    throw layerError(error, 'of the import');
  }
}
