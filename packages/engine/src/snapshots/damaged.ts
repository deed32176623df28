import { join } from 'node:path';
import { measureTree } from '@gantry/layer';
import type { CollectDeps } from './collect.ts';
import { emptyLayer } from './directories.ts';
import type { SnapshotRow, SnapshotRows } from './rows.ts';
import type { DamagedLayer, StrayDirectory } from './types.ts';

/** Compares the layers on disk with what their rows say of them. */
export async function findDamaged(
  { rows, directories }: CollectDeps,
  { reads, signal }: { reads: boolean; signal: AbortSignal },
): Promise<readonly DamagedLayer[]> {
  const damaged: DamagedLayer[] = [];
  for (const row of rows.list()) {
    signal.throwIfAborted();
    const path = directories.fsOf(row.dir);
    const problem = directories.isMade(row.dir)
      ? (lostParent(rows, row) ?? (reads ? await wrongSize(row, path) : undefined))
      : 'its directory is missing';
    // What was removed meanwhile is not missing.
    if (problem !== undefined && rows.find(row.chain_id)?.dir === row.dir)
      damaged.push({ chainId: row.chain_id, path, problem });
  }
  return damaged;
}

function lostParent(rows: SnapshotRows, { parent }: SnapshotRow): string | undefined {
  return parent === null || rows.find(parent) !== undefined ? undefined : `the layer below it, ${parent}, is missing`;
}

async function wrongSize(row: SnapshotRow, path: string): Promise<string | undefined> {
  const found = await measureTree(path);
  return found === row.tree ? undefined : `its files have ${found} bytes instead of ${row.tree}`;
}

export function listStrays({ rows, directories }: CollectDeps): readonly StrayDirectory[] {
  const owned = new Set([emptyLayer, ...[...rows.list(), ...rows.listActive()].map(({ dir }) => dir)]);
  return directories
    .list()
    .filter((name) => !owned.has(name) && !directories.isPassing(name))
    .map((name) => ({ name, path: join(directories.layersDir, name), isContainers: directories.isActive(name) }));
}

export async function forget({ db, rows, directories, stacks }: CollectDeps, chainId: string): Promise<void> {
  const row = rows.find(chainId);
  if (row === undefined) return;
  directories.disown(row.dir);
  db.tx(() => rows.remove(chainId));
  stacks.forget();
  await directories.remove(row.dir);
}

export function containersOn(rows: SnapshotRows, chainIds: ReadonlySet<string>): readonly string[] {
  const isOn = (chainId: string | null): boolean =>
    chainId !== null && (chainIds.has(chainId) || isOn(rows.find(chainId)?.parent ?? null));
  return rows.listActive().flatMap((active) => (isOn(active.chain_id) ? [active.container_id] : []));
}

export function strandedContainers(rows: SnapshotRows): readonly { containerId: string; chainId: string }[] {
  return rows.listActive().flatMap(({ container_id: containerId, chain_id: top }) => {
    let next: string | null = top === '' ? null : top;
    for (let row = undefined; next !== null; next = row.parent) {
      row = rows.find(next);
      if (row === undefined) return [{ containerId, chainId: next }];
    }
    return [];
  });
}
