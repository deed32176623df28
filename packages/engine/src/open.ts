import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { KeyedLock } from '@gantry/base';
import { openNativeProgram } from '@gantry/native';
import type { Registries } from '@gantry/registry';
import { ensureCgroupParent, probeHostFacts } from '@gantry/runtime';
import { readActivity } from './activity.ts';
import { checkDisk } from './check-disk.ts';
import {
  attendTask,
  type ContainerDefaults,
  type ContainerDeps,
  containerPaths,
  createBackground,
  createLive,
  handOver,
  openContainerStore,
  openContainers,
  openExecTable,
  openHealthTable,
  readLimitFacts,
  reconcileContainers,
  removeEmptyCgroup,
} from './containers/index.ts';
import { openContent } from './content/index.ts';
import { openDb } from './db/index.ts';
import { type Durability, openDurability, syncInThread } from './durability/index.ts';
import type { Engine } from './engine.ts';
import { createSystemClock, openEvents } from './events/index.ts';
import { type CollectPolicy, type ImageRoom, openImages } from './images/index.ts';
import { openInfo } from './info.ts';
import { openJobs } from './jobs/index.ts';
import { openLogShipping } from './logs/index.ts';
import { openNetworkRoom } from './network/index.ts';
import { openSnapshots } from './snapshots/index.ts';
import { openTasks } from './tasks/index.ts';
import { openVolumes, type VolumeRoom } from './volumes/index.ts';

export type EngineOptions = {
  /** What shall outlive a reboot: database, blobs, layers, volumes, logs. */
  readonly dataRoot: string;
  /** Name of the snapshot driver that was asked for; '' for none. */
  readonly storageDriver: string;
  /** What ends with the machine: shims' sockets, plans. */
  readonly execRoot: string;
  /** Of the machine's present run: what was not on the disk when an earlier one ended is not trusted. */
  readonly bootId: string;
  readonly bridge: string;
  /** Address and prefix of the default bridge; empty: the first free pool. */
  readonly bip: string;
  /** How registries are reached. */
  readonly registries: Registries;
  /** Hosts and networks of registries that are sent layers that may not be distributed, too. */
  readonly nondistributable: readonly string[];
  readonly defaults: ContainerDefaults;
  /** Which images go by themselves; undefined: none. */
  readonly imagePolicy: CollectPolicy | undefined;
  /** Told of failures of work that nobody waits for. */
  readonly report: (what: string, error: unknown) => void;
};

/**
 * Opens an engine over its roots: builds every room, in order, and makes rows and world agree. When it returns, what ran
 * before is taken back and what nobody owns is swept.
 *
 * Only one engine may have a data root open; the caller holds the lock on it.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const dataRoot = makeRoots(options);
  const instance = createHash('sha256').update(dataRoot).digest('hex').slice(0, 8);
  const cgroupParent = `/gantry-${instance}`;

  const now = (): Date => new Date();
  const clock = createSystemClock();
  const random = (bytes: number): Uint8Array => randomBytes(bytes);
  const facts = probeHostFacts();
  const native = await openNativeProgram();

  const db = openDb(join(dataRoot, 'gantry.db'));
  const events = openEvents({ db, clock });
  const jobs = openJobs({ db, now, random });
  const durability = openDurability({ ...options, db, now, sync: () => syncInThread(dataRoot) });
  const content = openContent({ db, durability, dataRoot, now, random });
  const snapshots = openSnapshots({ ...options, db, durability, dataRoot, now, random });
  const warn = (message: string): void => options.report(message, undefined);
  const images = openImages({ ...options, db, durability, events, jobs, content, snapshots, warn, now, dataRoot });
  // Not sooner: a data root that is refused leaves nothing on the host.
  ensureCgroupParent(facts.cgroup, cgroupParent);
  const volumes = openVolumes({ db, dataRoot, events, clock, random });
  const store = openContainerStore(db);
  const background = createBackground(options.report);
  const tasks = openTasks({ execRoot: options.execRoot, program: native.path, onPause: background.pause });
  const networks = openNetworkRoom({
    ...options,
    db,
    events,
    instance,
    now,
    random,
    bridgeName: options.bridge,
    pidOf: (id) => tasks.find(id)?.pid,
    resolveContainer: (ref) => store.resolve(ref),
    filesOf: (id) => containerPaths(dataRoot, id),
    warn,
  });
  const live = createLive();
  const deps: ContainerDeps = {
    db,
    events,
    images,
    snapshots,
    volumes,
    networks,
    tasks,
    shipping: openLogShipping({ db, random, warn }),
    live,
    store,
    background,
    follow: (id, task) => attendTask(deps, id, task),
    facts,
    now,
    random,
    report: options.report,
    dataRoot,
    cgroupParent,
    execs: openExecTable(db, now),
    health: openHealthTable(db),
    locks: new KeyedLock(() => performance.now()),
    limits: readLimitFacts(facts),
    get defaults() {
      return options.defaults;
    },
  };
  const containers = openContainers(deps);
  await recoverData({ durability, volumes, images, warn });
  await reconcileContainers(deps);

  return {
    containers,
    images,
    networks,
    volumes,
    events,
    info: openInfo(deps),
    activity: () => readActivity({ ...deps, jobs }),
    handOver: () => handOver(deps),
    checkDisk: (request, signal) =>
      checkDisk({ ...deps, durability, content, snapshots, containers }, { request, signal }),
    [Symbol.asyncDispose]: () => close({ ...deps, durability, native }),
  };
}

/** Ends what works, then what it works with. */
async function close(
  rooms: Pick<
    ContainerDeps,
    'live' | 'background' | 'shipping' | 'networks' | 'tasks' | 'facts' | 'cgroupParent' | 'db'
  > & {
    readonly durability: Durability;
    readonly native: Disposable;
  },
): Promise<void> {
  rooms.live[Symbol.dispose]();
  await rooms.background[Symbol.asyncDispose]();
  await rooms.shipping[Symbol.asyncDispose]();
  await rooms.networks[Symbol.asyncDispose]();
  rooms.tasks[Symbol.dispose]();
  await rooms.durability[Symbol.asyncDispose]();
  removeEmptyCgroup(rooms.facts.cgroup, rooms.cgroupParent);
  rooms.db[Symbol.dispose]();
  rooms.native[Symbol.dispose]();
}

/** @returns the data root's path without links */
function makeRoots({ dataRoot, execRoot }: EngineOptions): string {
  mkdirSync(dataRoot, { recursive: true, mode: 0o710 });
  mkdirSync(execRoot, { recursive: true, mode: 0o711 });
  return realpathSync(dataRoot);
}

/** Rows and files that a power failure parted are brought together before anything that has no row is swept. */
async function recoverData({
  durability,
  volumes,
  images,
  warn,
}: {
  durability: Durability;
  volumes: VolumeRoom;
  images: ImageRoom;
  warn: (message: string) => void;
}): Promise<void> {
  if (durability.interrupted !== undefined)
    for (const name of volumes.adopt()) warn(`volume ${name} had lost its row and has one again, without labels`);
  await images.recover();
  durability.settle();
}
