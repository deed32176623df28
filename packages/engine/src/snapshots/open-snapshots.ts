import { EngineError } from '@gantry/base';
import { measureTree } from '@gantry/layer';
import type { Db } from '../db/index.ts';
import type { Durability } from '../durability/index.ts';
import { type CollectDeps, collect, planReleases } from './collect.ts';
import { containersOn, findDamaged, forget, listStrays, strandedContainers } from './damaged.ts';
import { emptyLayer, openDirectories } from './directories.ts';
import { openDraft } from './draft.ts';
import { inheritDirectory } from './inherit.ts';
import { type ActiveRow, openSnapshotRows } from './rows.ts';
import { openStacks } from './stacks.ts';
import type { LayerRoom, RootMount } from './types.ts';

export type SnapshotDeps = {
  readonly db: Db;
  readonly dataRoot: string;
  readonly durability: Pick<Durability, 'note'>;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
};

const userOf = (containerId: string): string => `container:${containerId}`;

/** Opens the store of filesystem states below `dataRoot`: unpacked layers, and a writable state for each container. */
export function openSnapshots({ db, durability, dataRoot, now, random }: SnapshotDeps): LayerRoom {
  const rows = openSnapshotRows(db);
  const directories = openDirectories(dataRoot, random);
  const stacks = openStacks(rows);
  const store: CollectDeps = { db, durability, rows, directories, stacks };
  return {
    reserve: (containerId, chainId) => {
      db.tx(() => {
        rows.insertActive({ container_id: containerId, chain_id: chainId, dir: directories.newName() });
        if (chainId !== '') rows.hold(chainId, userOf(containerId));
      });
    },
    prepare: (containerId) => {
      const active = activeOf(store, containerId);
      directories.ensureActive(active.dir);
      return mountOf(store, active);
    },
    mount: (containerId) => mountOf(store, activeOf(store, containerId)),
    drop: (containerId) => {
      const active = rows.findActive(containerId);
      return active === undefined ? async () => undefined : dropActive(store, active);
    },
    planDrop: (containerId, dropped) =>
      planReleases(rows, [...dropped, containerId].map(userOf)).at(-1) ?? { removed: [], reclaimedBytes: 0 },
    usage: async (containerId) => {
      const active = rows.findActive(containerId);
      return active === undefined || !directories.isMade(active.dir)
        ? 0
        : await measureTree(directories.fsOf(active.dir));
    },
    sweep: async (keepContainers) => {
      for (const active of rows.listActive())
        if (!keepContainers.has(active.container_id)) await dropActive(store, active)();
    },
    list: () => rows.list().map((row) => ({ chainId: row.chain_id, sizeBytes: row.size })),
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
    settle: (chainIds) => settle(store, chainIds),
    release: (user) =>
      collect(
        store,
        db.tx(() => rows.release(user)),
      ),
    planReleases: (users, dropped) => planReleases(rows, [...dropped.map(userOf), ...users]).slice(dropped.length),
    sweepLayers: (isAlive) => sweepLayers(store, isAlive),
  };
}

function mountOf({ directories, stacks }: CollectDeps, active: ActiveRow): RootMount {
  const stack = active.chain_id === '' ? [emptyLayer] : stacks.of(active.chain_id);
  const { layersDir: cwd, target } = directories;
  return {
    cwd,
    lower: stack.map((name) => `${name}/fs`),
    upper: `${active.dir}/fs`,
    work: `${active.dir}/work`,
    target,
  };
}

function activeOf({ rows }: CollectDeps, containerId: string): ActiveRow {
  const active = rows.findActive(containerId);
  if (active !== undefined) return active;
  throw new EngineError('not-found', `cannot mount snapshot of container "${containerId}": it has none`);
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

function settle({ db, durability, rows, directories }: CollectDeps, chainIds: readonly string[]): void {
  const below: string[] = [];
  for (const chainId of chainIds) {
    const row = rows.find(chainId);
    if (row === undefined) throw new EngineError('not-found', `cannot settle layer "${chainId}": it is not there`);
    const implied: unknown = JSON.parse(row.implied);
    if (!Array.isArray(implied)) throw new Error('unreachable: our own row holds a list');
    const root = directories.fsOf(row.dir);
    for (const path of implied) inheritDirectory(String(path), root, below);
    if (implied.length > 0)
      db.tx(() => {
        rows.markSettled(chainId);
        durability.note({ kind: 'layer', name: chainId });
      });
    below.unshift(root);
  }
}

async function sweepLayers(store: CollectDeps, isAlive: (user: string) => boolean): Promise<void> {
  const { db, rows, directories } = store;
  const dead = rows.users().filter((user) => !user.startsWith('container:') && !isAlive(user));
  db.tx(() => {
    for (const user of dead) rows.release(user);
  });
  // Any order will do: a layer that another still stands on is tried again from there.
  const chains = rows.list().map((row) => row.chain_id);
  await collect(store, chains);
  for (const { name } of listStrays(store)) await directories.remove(name);
}
