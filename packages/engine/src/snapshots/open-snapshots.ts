import { KeyedLock } from '@gantry/base';
import type { Db } from '../db/index.ts';
import type { Durability } from '../durability/index.ts';
import { activeOf, changedDirectories, measureActive, prepareActive } from './active.ts';
import { type CollectDeps, collect, diskBytes, planReleases } from './collect.ts';
import { containersOn, findDamaged, forget, listStrays, strandedContainers } from './damaged.ts';
import { makeSnapshotRoots, openDirectories } from './directories.ts';
import { openDraft } from './draft.ts';
import { openDriver } from './drivers/open-driver.ts';
import { type ActiveRow, openSnapshotRows } from './rows.ts';
import { settle } from './settle.ts';
import { stackOfChain, stackOfContainer } from './stack-paths.ts';
import { openStacks } from './stacks.ts';
import type { LayerRoom } from './types.ts';

export type SnapshotDeps = {
  readonly db: Db;
  readonly dataRoot: string;
  /** Name of the driver that was asked for; '' for none. */
  readonly storageDriver: string;
  readonly durability: Pick<Durability, 'note'>;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
};

const userOf = (containerId: string): string => `container:${containerId}`;

/** Opens the store of filesystem states below `dataRoot`: unpacked layers, and a writable state for each container. */
export function openSnapshots(deps: SnapshotDeps): LayerRoom {
  const { db, now } = deps;
  const store = openStore(deps);
  const { rows, directories, driver } = store;
  const turns = new KeyedLock();
  return {
    driver,
    target: directories.target,
    reserve: (containerId, chainId) => {
      db.tx(() => {
        rows.insertActive({ container_id: containerId, chain_id: chainId, dir: directories.newName() });
        if (chainId !== '') rows.hold(chainId, userOf(containerId));
      });
    },
    prepare: (containerId) => prepareActive({ store, turns }, activeOf(store, containerId)),
    changed: (containerId, isRunning) => changedDirectories({ store, turns }, activeOf(store, containerId), isRunning),
    stackOfContainer: (containerId) => stackOfContainer(store, containerId),
    drop: (containerId) => {
      const active = rows.findActive(containerId);
      return active === undefined ? async () => undefined : dropActive(store, active);
    },
    planDrop: (containerId, dropped) =>
      planReleases(store, [...dropped, containerId].map(userOf)).at(-1) ?? { removed: [], reclaimedBytes: 0 },
    usage: async (containerId) => {
      const active = rows.findActive(containerId);
      return active === undefined ? { changedBytes: 0, diskBytes: 0 } : await measureActive(store, active);
    },
    sweep: async (keepContainers) => {
      for (const active of rows.listActive())
        if (!keepContainers.has(active.container_id)) await dropActive(store, active)();
    },
    list: () =>
      rows.list().map((row) => ({ chainId: row.chain_id, sizeBytes: row.size, diskBytes: diskBytes(driver, row) })),
    stackOfChain: (chainId) => stackOfChain(store, chainId),
    damaged: (options, signal) => findDamaged(store, { ...options, signal }),
    strays: () => listStrays(store),
    removeStray: async (name) => {
      if (listStrays(store).some((stray) => stray.name === name)) await directories.remove(name);
    },
    forget: (chainId) => forget(store, chainId),
    standingOn: (chainIds) => containersOn(rows, chainIds),
    unmade: () => rows.listActive().flatMap((active) => (directories.isMade(active.dir) ? [] : [active.container_id])),
    stranded: () => strandedContainers(rows),
    find: (chainId) => {
      const row = rows.find(chainId);
      return row === undefined ? undefined : { sizeBytes: row.size };
    },
    draft: () => openDraft(store, now),
    hold: (chainId, user) => rows.hold(chainId, user),
    settle: (chainIds) => settle(store, chainIds, turns),
    release: (user) =>
      collect(
        store,
        db.tx(() => rows.release(user)),
      ),
    planReleases: (users, dropped) => planReleases(store, [...dropped.map(userOf), ...users]).slice(dropped.length),
    sweepLayers: (isAlive) => sweepLayers(store, isAlive),
  };
}

function openStore({ db, durability, dataRoot, storageDriver, random }: SnapshotDeps): CollectDeps {
  const rows = openSnapshotRows(db);
  const roots = makeSnapshotRoots(dataRoot);
  const { layersDir } = roots;
  const driver = openDriver({ dataRoot, layersDir, configured: storageDriver, present: rows.presentDriver() });
  rows.setDriver(driver.name);
  if (driver.kind === 'stacked') driver.sweep();
  const directories = openDirectories(roots, { random, driver });
  return { db, durability, rows, directories, stacks: openStacks(rows), driver };
}

function dropActive(store: CollectDeps, active: ActiveRow): () => Promise<void> {
  const { db, rows, directories } = store;
  directories.disown(active.dir);
  const chains = db.tx(() => {
    rows.removeActive(active.container_id);
    return rows.release(userOf(active.container_id));
  });
  return async () => {
    await directories.remove(active.dir);
    await collect(store, chains);
  };
}

async function sweepLayers(store: CollectDeps, isAlive: (user: string) => boolean): Promise<void> {
  const { db, rows, directories, driver } = store;
  const dead = rows.users().filter((user) => !user.startsWith('container:') && !isAlive(user));
  db.tx(() => {
    for (const user of dead) rows.release(user);
  });
  // A daemon that was killed may have laid half of it over the tree below; a container may hold it all the same.
  if (driver.kind === 'whole')
    for (const row of rows.list()) if (row.unsettled !== '') await forget(store, row.chain_id);
  // Any order will do: a layer that another still stands on is tried again from there.
  const chains = rows.list().map((row) => row.chain_id);
  await collect(store, chains);
  for (const { name } of listStrays(store)) await directories.remove(name);
}
