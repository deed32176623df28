import type { Db } from '../db/index.ts';
import type { Durability } from '../durability/index.ts';
import type { Directories } from './directories.ts';
import type { SnapshotRows } from './rows.ts';
import type { Stacks } from './stacks.ts';

export type CollectDeps = {
  readonly db: Db;
  readonly durability: Pick<Durability, 'note'>;
  readonly rows: SnapshotRows;
  readonly directories: Directories;
  readonly stacks: Stacks;
};

export type Collected = { readonly removed: readonly string[]; readonly reclaimedBytes: number };

/** Removes layers from these chains downwards as far as nobody needs them: the rows first, then the directories. */
export async function collect(
  { db, rows, directories, stacks }: CollectDeps,
  chains: readonly string[],
): Promise<Collected> {
  const gone = db.tx(() => chains.flatMap((chain) => removeUnusedFrom(rows, chain)));
  if (gone.length > 0) stacks.forget();
  for (const { dir } of gone) directories.disown(dir);
  for (const { dir } of gone) await directories.remove(dir);
  return {
    removed: gone.map(({ chainId }) => chainId),
    reclaimedBytes: gone.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

type Gone = { readonly chainId: string; readonly dir: string; readonly sizeBytes: number };

function removeUnusedFrom(rows: SnapshotRows, chain: string): Gone[] {
  const gone: Gone[] = [];
  for (let next: string | null = chain; next !== null; ) {
    const row = rows.find(next);
    if (row === undefined || !rows.removeUnused(next)) break;
    gone.push({ chainId: next, dir: row.dir, sizeBytes: row.size });
    next = row.parent;
  }
  return gone;
}
