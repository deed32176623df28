import type { ImageManifestWire } from '@gantry/api';
import { EngineError } from '@gantry/base';
import type { Engine, ImageRecord, ImageRemoval } from '@gantry/engine';
import { filterSwitch } from '../filters/filters.ts';
import { imageFilter, imagePruneFilter, shownReferences } from '../filters/images.ts';
import { documentOf, nothing } from '../http/answer.ts';
import { type AnswerOf, type CallOf, type HandlersOf, idOf } from '../http/call.ts';
import { printDeleted, printHistory, printImage, printImageRow, printManifest } from '../print/image.ts';
import { printFailure } from '../print/progress.ts';
import { printImagePlan } from '../print/removal-plan.ts';
import { droppedFirst } from './dropped-first.ts';
import { progressLines, type Report } from './progress-lines.ts';
import { parseRegistryAuth } from './registry-auth.ts';
import { parseWirePlatform, parseWirePlatformList } from './wire-platform.ts';

type Names =
  | 'imageList'
  | 'imageCreate'
  | 'imagePush'
  | 'imagePrune'
  | 'buildPrune'
  | 'imageInspect'
  | 'imageHistory'
  | 'imageTag'
  | 'imageRemove';

/** Which containers use which image, at the moment when it is asked. */
export type ImageUse = (imageId: string) => readonly { id: string; running: boolean }[];

export function imageUse({ containers }: Engine): ImageUse {
  return (imageId) =>
    containers.onImage(imageId).map(({ id, status }) => ({
      id,
      running: status.kind === 'running' || status.kind === 'restarting',
    }));
}

export function byNewest(left: ImageRecord, right: ImageRecord): number {
  return (right.createdAt?.getTime() ?? 0) - (left.createdAt?.getTime() ?? 0);
}

export function imageHandlers(engine: Engine): HandlersOf<Names> {
  const { images } = engine;
  return {
    imageList: async ({ query }) => {
      const use = imageUse(engine);
      const all = images.list();
      const accept = imageFilter(query.filters, { now: engine.info().now, find: (reference) => images.get(reference) });
      const rows = all.filter((image) => image.isFirst && accept(image)).sort(byNewest);
      const shared = query.sharedSize ? images.usage().byImage : undefined;
      return documentOf(
        rows.map((image) =>
          printImageRow(
            shownReferences(image, query.filters),
            {
              containers: usersOf(image, use).length,
              sharedSize: shared?.get(image.id)?.sharedLayerBytes ?? -1,
            },
            query.manifests ? manifestsOf(engine, image.id, use) : undefined,
          ),
        ),
      );
    },
    imageCreate: (call) => (call.query.fromImage === '' ? importImage(engine, call) : pullImage(engine, call)),
    imagePush: (call) => pushImage(engine, call),
    imagePrune: async ({ query }) => {
      const { deleted, reclaimedBytes } = filterSwitch(query.filters, 'gc')
        ? await pruneByPolicy(engine, query.plan)
        : await pruneByFilter(engine, query);
      return documentOf({
        ImagesDeleted: deleted.length === 0 ? null : deleted.map(printDeleted),
        SpaceReclaimed: reclaimedBytes,
      });
    },
    buildPrune: () => documentOf({ CachesDeleted: null, SpaceReclaimed: 0 }),
    imageInspect: (call) => inspectImage(engine, call),
    imageHistory: (call) => documentOf(printHistory(images.get(idOf(call), parseWirePlatform(call.query.platform)))),
    imageTag: (call) => {
      const { repo, tag } = call.query;
      images.tag(idOf(call), tag === '' ? repo : `${repo}:${tag}`);
      return nothing;
    },
    imageRemove: async (call) => {
      const { force, plan, after } = call.query;
      const wish = { force, platforms: parseWirePlatformList(call.query.platforms) };
      const use = imageUse(engine);
      if (plan) return documentOf(printImagePlan(images.planRemoval(idOf(call), { ...wish, after }, use)));
      return documentOf((await images.remove(idOf(call), wish, use)).map(printDeleted));
    },
  };
}

/** Containers of an image for whichever platform. */
export function usersOf({ id, siblings }: ImageRecord, use: ImageUse): readonly { readonly id: string }[] {
  return [id, ...siblings].flatMap(use);
}

function manifestsOf(engine: Engine, nameOrId: string, use: ImageUse): readonly ImageManifestWire[] {
  const containersOf = (imageId: string): readonly string[] => use(imageId).map(({ id }) => id);
  return engine.images.manifests(nameOrId).map((manifest) => printManifest(manifest, containersOf));
}

async function inspectImage(engine: Engine, call: CallOf<'imageInspect'>): Promise<AnswerOf<'imageInspect'>> {
  const { manifests, platform: asked } = call.query;
  if (manifests && asked !== '')
    throw new EngineError('invalid', 'conflicting options: manifests and platform options cannot both be set');
  const platform = parseWirePlatform(asked);
  const image = engine.images.get(idOf(call), platform);
  const shown = manifests ? manifestsOf(engine, idOf(call), imageUse(engine)) : undefined;
  const { storageDriver } = engine.info();
  return documentOf(
    printImage(image, { storageDriver, stack: engine.images.stackOf(image), platform, manifests: shown }),
  );
}

type ImageMatch = (image: ImageRecord) => boolean;

async function pruneByFilter(engine: Engine, query: CallOf<'imagePrune'>['query']): Promise<ImageRemoval> {
  const accept = imagePruneFilter(query.filters, engine.info().now);
  const { deleted, reclaimedBytes } = query.plan
    ? planPrune(engine, accept, await droppedFirst(engine, query))
    : await pruneUnused(engine, accept);
  return { deleted, reclaimedBytes: reclaimedBytes + prunePartials(engine, query) };
}

/** What waits of cancelled pulls is unused, too; it has neither labels nor an age of use to be chosen by. */
function prunePartials({ images }: Engine, { filters, plan }: CallOf<'imagePrune'>['query']): number {
  if ([...filters.keys()].some((key) => key !== 'dangling')) return 0;
  return plan ? images.partialBytes() : images.dropPartials();
}

/** What would go by itself, at once. */
async function pruneByPolicy(engine: Engine, plan: boolean): Promise<ImageRemoval> {
  const use = imageUse(engine);
  const inUse = (id: string): boolean => use(id).length > 0;
  const { images, partialBytes } = plan ? engine.images.planCollection(inUse) : await engine.images.collect(inUse);
  return {
    deleted: images.flatMap(({ deleted }) => deleted),
    reclaimedBytes: images.reduce((sum, { reclaimedBytes }) => sum + reclaimedBytes, partialBytes),
  };
}

async function pruneUnused(engine: Engine, match: ImageMatch): Promise<ImageRemoval> {
  const use = imageUse(engine);
  return await engine.images.prune(match, (id) => use(id).length > 0);
}

function planPrune(engine: Engine, match: ImageMatch, dropped: readonly string[]): ImageRemoval {
  const use = imageUse(engine);
  const gone = new Set(dropped);
  return engine.images.planPrune(match, (imageId) => use(imageId).some(({ id }) => !gone.has(id)), dropped);
}

/** The reference that a pull means: a tag may come apart from the name, and may be a digest. */
export function pullReference(fromImage: string, tag: string): { reference: string; allTags: boolean } {
  if (tag !== '') return { reference: `${fromImage}${tag.includes(':') ? '@' : ':'}${tag}`, allTags: false };
  return { reference: fromImage, allTags: !/@|:[^/]*$/.test(fromImage) };
}

function pullImage(engine: Engine, call: CallOf<'imageCreate'>): AnswerOf<'imageCreate'> {
  const { fromImage, tag, platform } = call.query;
  const auth = parseRegistryAuth(call.headers.get('x-registry-auth'));
  const request = { ...pullReference(fromImage, tag), platform, auth };
  const lines = progressLines(async (report, signal) => {
    await engine.images.pull(request, report, signal);
    return [];
  }, call.signal);
  return { kind: 'lines', headers: 'first-line', lines, failure: printFailure };
}

function pushImage(engine: Engine, call: CallOf<'imagePush'>): AnswerOf<'imagePush'> {
  const { tag, platform } = call.query;
  const auth = parseRegistryAuth(call.headers.get('x-registry-auth'));
  const request = { name: idOf(call), tag, platform: parseWirePlatform(platform), auth };
  const lines = progressLines(async (report, signal) => {
    await engine.images.push(request, report, signal);
    return [];
  }, call.signal);
  return { kind: 'lines', headers: 'first-line', lines, failure: printFailure };
}

function importImage(engine: Engine, call: CallOf<'imageCreate'>): AnswerOf<'imageCreate'> {
  const { fromSrc, repo, tag, message, changes, platform } = call.query;
  if (fromSrc !== '-') {
    throw new EngineError(
      'unsupported',
      `cannot import from "${fromSrc}": only an archive in the request is supported`,
      {
        hint: 'fetch it and pass it with fromSrc=-',
      },
    );
  }
  const reference = repo === '' || tag === '' ? repo : `${repo}:${tag}`;
  const lines = progressLines(async (report, signal) => {
    const note = message === '' ? 'Imported from -' : message;
    const request = { archive: call.archive, reference, message: note, changes, platform };
    // Docker counts no bytes of an import, and its client would print every count on a line of its own.
    const quiet: Report = (event) => (event.current === undefined ? report(event) : undefined);
    await engine.images.import(request, quiet, signal);
    return [];
  }, call.signal);
  return { kind: 'lines', headers: 'first-line', lines, failure: printFailure };
}
