import type { Db } from '../db/index.ts';
import type { Durability } from '../durability/index.ts';
import type { Directories } from './directories.ts';
import type { Driver } from './drivers/driver.ts';
import type { SnapshotRow, SnapshotRows } from './rows.ts';
import type { Stacks } from './stacks.ts';
import type { CollectedLayers } from './types.ts';

export type CollectDeps = {
  readonly db: Db;
  readonly durability: Pick<Durability, 'note'>;
  readonly rows: SnapshotRows;
  readonly directories: Directories;
  readonly stacks: Stacks;
  readonly driver: Driver;
};

/** What is taken for gone while it is decided, though its rows are there: users of layers, and layers. */
type Absent = { readonly users: ReadonlySet<string>; readonly layers: ReadonlySet<string> };

const nothingAbsent: Absent = { users: new Set(), layers: new Set() };

/** Removes layers from these chains downwards as far as nobody needs them: the rows first, then the directories. */
export async function collect(
  { db, rows, directories, stacks, driver }: CollectDeps,
  chains: readonly string[],
): Promise<CollectedLayers> {
  const unused = db.tx(() => {
    const found = unusedLayers(rows, chains, nothingAbsent);
    for (const row of found) rows.remove(row.chain_id);
    return found;
  });
  if (unused.length > 0) stacks.forget();
  for (const { dir } of unused) directories.disown(dir);
  for (const { dir } of unused) await directories.remove(dir);
  return collectedOf(driver, unused);
}

/** What would be collected if these users let go, one after another: an answer for each, by the rule of the real thing. */
export function planReleases(
  { rows, driver }: Pick<CollectDeps, 'rows' | 'driver'>,
  users: readonly string[],
): readonly CollectedLayers[] {
  const absentUsers = new Set<string>();
  const absentLayers = new Set<string>();
  return users.map((user) => {
    absentUsers.add(user);
    const unused = unusedLayers(rows, rows.heldBy(user), { users: absentUsers, layers: absentLayers });
    for (const row of unused) absentLayers.add(row.chain_id);
    return collectedOf(driver, unused);
  });
}

/** Decides what nobody needs, from these chains downwards: topmost first. */
function unusedLayers(rows: SnapshotRows, chains: readonly string[], absent: Absent): readonly SnapshotRow[] {
  const found = new Map<string, SnapshotRow>();
  const isGone = (chain: string): boolean => absent.layers.has(chain) || found.has(chain);
  for (const chain of chains) {
    for (let next: string | null = chain; next !== null && !isGone(next); ) {
      const row = rows.find(next);
      // One more than are absent tells: a layer of a thousand containers is not to be asked for all of them.
      const users = rows.usersOf(next, absent.users.size + 1);
      if (row === undefined || !users.every((user) => absent.users.has(user))) break;
      if (!rows.layersOn(next).every(isGone)) break;
      found.set(next, row);
      next = row.parent;
    }
  }
  return [...found.values()];
}

function collectedOf(driver: Driver, unused: readonly SnapshotRow[]): CollectedLayers {
  return {
    removed: unused.map((row) => row.chain_id),
    reclaimedBytes: unused.reduce((sum, row) => sum + diskBytes(driver, row), 0),
  };
}

/** What a layer takes on the disk, and gives back. */
export function diskBytes(driver: Driver, { size, tree }: Pick<SnapshotRow, 'size' | 'tree'>): number {
  return driver.kind === 'whole' && !driver.sharesBytes ? tree : size;
}
