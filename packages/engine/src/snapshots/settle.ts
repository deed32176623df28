import { EngineError, type KeyedLock } from '@gantry/base';
import { type LaidLayer, TreeThread } from '@gantry/layer';
import type { CollectDeps } from './collect.ts';
import { forget } from './damaged.ts';
import type { Driver, WholeDriver } from './drivers/driver.ts';
import { inheritDirectory } from './inherit.ts';
import type { SnapshotRow } from './rows.ts';
import type { NewLayer } from './types.ts';

/** What is still to be done with a layer's tree once those below are there, as its row keeps it; '' for nothing. */
export function formatUnsettled(driver: Driver, { parent, impliedDirectories, hidden }: NewLayer): string {
  const says: LaidLayer = { impliedDirectories, hidden };
  const isWhole = driver.kind === 'whole' && parent !== undefined;
  return isWhole || impliedDirectories.length > 0 ? JSON.stringify(says) : '';
}

function parseUnsettled(text: string): LaidLayer {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('hidden' in value))
    throw new Error('unreachable: our own row holds what a layer says');
  return value as LaidLayer;
}

/** Brings the new ones among these layers together with those below them. Lowest first. */
export async function settle(store: CollectDeps, chainIds: readonly string[], turns: KeyedLock): Promise<void> {
  const { driver } = store;
  const isNew = chainIds.some((chainId) => rowOf(store, chainId).unsettled !== '');
  if (!isNew) return;
  // Two images may bring the same layer at the same moment.
  await using _turn = await turns.hold('');
  const below: SnapshotRow[] = [];
  for (const chainId of chainIds) {
    const row = rowOf(store, chainId);
    if (row.unsettled !== '') {
      if (driver.kind === 'stacked') inheritMetadata(store, row, below);
      else await layOverParent(store, row, driver);
    }
    below.unshift(row);
  }
}

function rowOf({ rows }: CollectDeps, chainId: string): SnapshotRow {
  const row = rows.find(chainId);
  if (row === undefined) throw new EngineError('not-found', `cannot settle layer "${chainId}": it is not there`);
  return row;
}

/** Gives implied directories the owner, mode and times that the layers below have for them. */
function inheritMetadata(store: CollectDeps, row: SnapshotRow, below: readonly SnapshotRow[]): void {
  const { fsOf } = store.directories;
  const lowerRoots = below.map(({ dir }) => fsOf(dir));
  const { impliedDirectories } = parseUnsettled(row.unsettled);
  for (const path of impliedDirectories) inheritDirectory(path, fsOf(row.dir), lowerRoots);
  record(store, row);
}

/** Lays a layer over a copy of the tree below it; the copy takes its place. The lowest layer is a whole tree already. */
async function layOverParent(store: CollectDeps, row: SnapshotRow, driver: WholeDriver): Promise<void> {
  const { directories } = store;
  if (row.parent === null) return record(store, row);
  const name = directories.createBare();
  try {
    const from = directories.fsOf(rowOf(store, row.parent).dir);
    const copy = { from, to: directories.fsOf(name), by: driver.copiesBy };
    const says = parseUnsettled(row.unsettled);
    await using thread = new TreeThread({ verb: 'lay', copy, layer: directories.fsOf(row.dir), says });
    const treeBytes = await thread.head;
    directories.disown(row.dir);
    record(store, { ...row, dir: name, tree: treeBytes });
    directories.own(name);
  } catch (error) {
    await directories.remove(name);
    // Half of it was moved away: it must come again.
    await forget(store, row.chain_id);
    throw error;
  }
  await directories.remove(row.dir);
}

function record({ db, durability, rows, stacks }: CollectDeps, row: SnapshotRow): void {
  db.tx(() => {
    rows.markSettled(row);
    durability.note({ kind: 'layer', name: row.chain_id });
  });
  stacks.forget();
}
