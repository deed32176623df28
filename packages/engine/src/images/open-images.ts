import { availableParallelism } from 'node:os';
import { LayerWorkers } from '@gantry/layer';
import { defaultDomain, type Platform } from '@gantry/oci';
import { anonymous, logIn, type Registries, searchRegistry } from '@gantry/registry';
import type { ContentRoom } from '../content/index.ts';
import type { Db } from '../db/index.ts';
import type { Durability } from '../durability/index.ts';
import type { EventSink } from '../events/index.ts';
import { type JobRoom, SharedWork } from '../jobs/index.ts';
import type { LayerRoom } from '../snapshots/index.ts';
import { collectImages, planCollection } from './collect.ts';
import { commitImage } from './commit-image.ts';
import type { ImageDeps } from './deps.ts';
import { describeManifests } from './describe-manifests.ts';
import { discardAfterPowerLoss, discardImages, imagesHaving } from './discard.ts';
import { Gate } from './gate.ts';
import { hostPlatform } from './host-platform.ts';
import { importImage } from './import.ts';
import { inspectRemote } from './inspect-remote.ts';
import { openLastUse } from './last-use.ts';
import { loadImages } from './load.ts';
import { getImageFor } from './platforms.ts';
import { planImagePrune, pruneImages } from './prune.ts';
import { pullImage } from './pull.ts';
import { pushImage } from './push.ts';
import { openRecords } from './record.ts';
import { planImageRemoval, removeImage } from './remove.ts';
import { findImage } from './resolve.ts';
import { openImageRows } from './rows.ts';
import { saveImages } from './save.ts';
import { openTarSizes } from './save-sizes.ts';
import { tagImage } from './tag.ts';
import type { CollectPolicy, ImageRoom } from './types.ts';
import { measureImages } from './usage.ts';

export type ImageOptions = {
  readonly db: Db;
  readonly durability: Durability;
  readonly content: ContentRoom;
  readonly snapshots: LayerRoom;
  readonly jobs: JobRoom;
  readonly events: EventSink;
  /** Told what an administrator should read. */
  readonly warn: (message: string) => void;
  readonly now: () => Date;
  readonly dataRoot: string;
  /** Which images go by themselves; undefined: none. */
  readonly imagePolicy: CollectPolicy | undefined;
  /** What this machine runs; read off it when absent. */
  readonly platform?: Platform;
  readonly registries: Registries;
  /** Hosts and networks of registries that are sent layers that may not be distributed, too. */
  readonly nondistributable: readonly string[];
};

/** Docker's default for layers of one pull; here for all of them together, since they share the machine. */
const layersAtOnce = 3;

/** Docker's default for layers that are sent at a time. */
const uploadsAtOnce = 5;

/** Opens the room of images. Disposing it ends its worker threads. */
export function openImages(options: ImageOptions): ImageRoom & Disposable {
  const rows = openImageRows(options.db);
  const lastUse = openLastUse(options.db);
  const { registries } = options;
  const deps: ImageDeps = {
    ...options,
    platform: options.platform ?? hostPlatform(),
    rows,
    tarSizes: openTarSizes(options.db),
    lastUse,
    records: openRecords({ rows, lastUse, snapshots: options.snapshots }),
    // Two at least, since a load that waits for its client may keep one.
    workers: new LayerWorkers(Math.max(2, Math.min(layersAtOnce, availableParallelism()))),
    layers: new SharedWork(),
    gate: new Gate(layersAtOnce),
    early: new Gate(1),
    uploads: new Gate(uploadsAtOnce),
    packing: new Gate(1),
  };
  return {
    get: (nameOrId, platform) => deps.records.of(getImageFor(deps, nameOrId, platform)),
    manifests: (nameOrId) => describeManifests(deps, nameOrId),
    find: (nameOrId) => {
      const row = findImage(deps, nameOrId);
      return row === undefined ? undefined : deps.records.of(row);
    },
    list: () => deps.records.list(),
    stackOf: ({ chainId }) => deps.snapshots.stackOfChain(chainId),
    pull: (request, onProgress, signal) => pullImage(deps, request, { onProgress, signal }),
    push: (request, onProgress, signal) => pushImage(deps, request, { onProgress, signal }),
    load: (request, onProgress, signal) => loadImages(deps, request, { onProgress, signal }),
    import: (request, onProgress, signal) => importImage(deps, request, { onProgress, signal }),
    inspectRemote: (request, signal) => inspectRemote(deps, request, signal),
    logIn: (auth, signal) => logIn(domainOf(auth.serverAddress), { credentials: auth, registries }, signal),
    search: ({ auth, ...asked }, signal) =>
      searchRegistry(asked, { credentials: auth ?? anonymous, registries }, signal),
    commit: (request, signal) => commitImage(deps, request, signal),
    save: (names, platform, signal) => saveImages(deps, { names, platform, signal }),
    tag: (source, reference) => tagImage(deps, source, reference),
    remove: async (nameOrId, options, users) => (await removeImage(deps, nameOrId, { ...options, users })).deleted,
    planRemoval: (nameOrId, options, users) => planImageRemoval(deps, nameOrId, { ...options, users }),
    prune: (match, inUse) => pruneImages(deps, { match, inUse }),
    planPrune: (match, inUse, dropped) => planImagePrune(deps, { match, inUse }, dropped),
    partialBytes: () => deps.content.partialBytes(),
    dropPartials: () => deps.content.dropPartials(),
    collect: (inUse) => collectImages(deps, inUse),
    planCollection: (inUse) => planCollection(deps, inUse),
    markUsed: (imageId) => lastUse.mark(imageId, options.now().getTime()),
    usage: () => measureImages(deps),
    having: (lost) => imagesHaving(deps, lost),
    discard: (lost) => discardImages(deps, lost),
    recover: () => recover(deps),
    [Symbol.dispose]: () => deps.workers[Symbol.dispose](),
  };
}

/** A server address as logins send it: `https://index.docker.io/v1/`, `host:5000`; empty for Docker Hub. */
function domainOf(serverAddress: string): string {
  const host = serverAddress.replace(/^https?:\/\//, '').split('/', 1)[0] ?? '';
  return ['', 'index.docker.io', 'registry-1.docker.io'].includes(host) ? defaultDomain : host;
}

/** What a killed daemon was in the middle of is undone: its job's holds go, and with them what nobody else holds. */
async function recover(deps: ImageDeps): Promise<void> {
  const { jobs, rows, snapshots, content } = deps;
  jobs.recover();
  await discardAfterPowerLoss(deps);
  const images = new Set(rows.ids().map((id) => `image:${id}`));
  const isAlive = (user: string): boolean =>
    images.has(user) || (user.startsWith('job:') && jobs.isRunning(user.slice('job:'.length)));
  await snapshots.sweepLayers(isAlive);
  content.sweep(isAlive);
}
