import { Database } from 'bun:sqlite';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, realpathSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrograms } from '../../tools/bootstrap.ts';
import { runCommand } from './command.ts';

/** The name by which an engine marks what is its own on the host: the table of its rules, its cgroups. */
export function instanceName(dataRoot: string): string {
  return `gantry-${createHash('sha256').update(realpathSync(dataRoot)).digest('hex').slice(0, 8)}`;
}

/** The bridges of networks that users made and did not remove, as an engine that has ended knows them. */
export function bridgesOf(dataRoot: string): string[] {
  const path = join(dataRoot, 'gantry.db');
  if (!existsSync(path)) return [];
  try {
    using database = new Database(path);
    const rows = database.query<{ id: string }, []>('SELECT id FROM network').all();
    return rows.map(({ id }) => `br-${id.slice(0, 12)}`);
  } catch {
    return []; // a test broke it: the proof at the end of the run names what stays
  }
}

/**
 * Removes what an engine leaves on the host on purpose, as it must go on when the daemon does not run: its bridge, its
 * firewall table, its cgroups, which have no containers left when this is called.
 */
export async function sweepHost(instance: string, bridge: string): Promise<void> {
  ensurePrograms('ip', 'nft');
  if (existsSync(`/sys/class/net/${bridge}`)) await runCommand(['ip', 'link', 'delete', bridge]);
  for (const family of ['ip', 'ip6']) await runCommand(['nft', 'delete', 'table', family, instance]);
  for (const hierarchy of readdirSync('/sys/fs/cgroup')) {
    for (const parent of [join('/sys/fs/cgroup', hierarchy), '/sys/fs/cgroup'])
      removeEmptyCgroup(join(parent, instance));
  }
}

function removeEmptyCgroup(path: string): void {
  if (!existsSync(path)) return;
  try {
    rmdirSync(path);
  } catch {
    // Something is still in it: the proof at the end of the run names it.
  }
}
