import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noProxies, type Registries } from '@gantry/registry';
import { type ContentRoom, openContent } from '../../packages/engine/src/content/index.ts';
import { openDb } from '../../packages/engine/src/db/index.ts';
import { type Durability, openDurability, syncInThread } from '../../packages/engine/src/durability/index.ts';
import { openEvents } from '../../packages/engine/src/events/index.ts';
import {
  type CollectPolicy,
  type ImageRoom,
  openImages,
  type ProgressEvent,
  type RegistryAuth,
} from '../../packages/engine/src/images/index.ts';
import { type JobRoom, openJobs } from '../../packages/engine/src/jobs/index.ts';
import { type LayerRoom, openSnapshots } from '../../packages/engine/src/snapshots/index.ts';

/** The rooms of images over a directory of their own, without the rest of an engine. */
export type ImageRooms = Disposable & {
  readonly dataRoot: string;
  readonly images: ImageRoom;
  readonly snapshots: LayerRoom;
  readonly content: ContentRoom;
  readonly jobs: JobRoom;
  /** Syncs only when it is disposed: a test says when. */
  readonly durability: Durability;
  /** What an administrator would read in the log. */
  readonly warnings: readonly string[];
  /** `action actor` of every event so far. */
  readonly events: readonly string[];
  /** Pulls, and gives the lines that a client would show. */
  pull(
    reference: string,
    options?: { platform?: string; signal?: AbortSignal; auth?: RegistryAuth },
  ): Promise<string[]>;
  /** Host path of an unpacked layer of an image, lowest first. */
  layerPaths(nameOrId: string): string[];
  /** Names in the directories of layers, blobs and ingests: what a failure must leave empty. */
  leftovers(): string[];
};

const anybody = { username: '', password: '', identityToken: '', registryToken: '', serverAddress: '' };

type RoomOptions = {
  readonly bootId?: string;
  readonly storageDriver?: string;
  readonly policy?: CollectPolicy;
  readonly now?: () => Date;
};

/** @param dataRoot an existing directory to use and leave; absent: one in the temporary directory, removed at the end */
export function openImageRooms(
  dataRoot?: string,
  registries: Partial<Registries> = {},
  { bootId = 'one boot', storageDriver = '', policy, now = () => new Date() }: RoomOptions = {},
): ImageRooms {
  const root = dataRoot ?? mkdtempSync(join(tmpdir(), 'gantry-images-'));
  mkdirSync(root, { recursive: true });
  const random = (bytes: number): Uint8Array => randomBytes(bytes);
  const events: string[] = [];
  const db = openDb(join(root, 'gantry.db'));
  const journal = openEvents({ db, clock: () => BigInt(Date.now()) * 1_000_000n });
  const record: typeof journal.record = (...event) => {
    const [, action, actor] = event;
    events.push(`${action} ${actor}`);
    journal.record(...event);
  };
  const jobs = openJobs({ db, now, random });
  const warnings: string[] = [];
  const report = (what: string, error: unknown): void => void warnings.push(`${what}: ${error}`);
  const durability = openDurability({ db, bootId, now, sync: () => syncInThread(root), report });
  const content = openContent({ db, durability, dataRoot: root, now, random });
  const snapshots = openSnapshots({ db, durability, dataRoot: root, storageDriver, now, random });
  const images = openImages({
    db,
    durability: { ...durability, syncSoon: () => undefined },
    warn: (message) => warnings.push(message),
    content,
    snapshots,
    jobs,
    events: { record },
    now,
    nondistributable: [],
    dataRoot: root,
    imagePolicy: policy,
    registries: { insecure: [], mirrors: [], configDirs: [], proxies: noProxies, ...registries },
  });
  return {
    dataRoot: root,
    images,
    snapshots,
    content,
    jobs,
    durability,
    warnings,
    events,
    pull: async (reference, { platform = '', signal = new AbortController().signal, auth = anybody } = {}) => {
      const lines: ProgressEvent[] = [];
      await images.pull({ reference, allTags: false, platform, auth }, (event) => lines.push(event), signal);
      return lines.map(({ id, status }) => (id === undefined ? status : `${id}: ${status}`));
    },
    layerPaths: (nameOrId) => {
      const { upper = '', lower = [] } = images.stackOf(images.get(nameOrId)) ?? {};
      return [upper, ...lower].reverse();
    },
    leftovers: () =>
      ['layers', 'ingest', 'blobs/sha256'].flatMap((dir) =>
        readdirSync(join(root, dir))
          .filter((name) => name !== 'empty')
          .map((name) => `${dir}/${name}`),
      ),
    [Symbol.dispose]: () => {
      images[Symbol.dispose]();
      db[Symbol.dispose]();
      if (dataRoot === undefined) rmSync(root, { recursive: true, force: true });
    },
  };
}
