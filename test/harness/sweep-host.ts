import { createHash } from 'node:crypto';
import { existsSync, readdirSync, realpathSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrograms } from '../../tools/bootstrap.ts';
import { runCommand } from './command.ts';

/** The name by which an engine marks what is its own on the host: the table of its rules, its cgroups. */
export function instanceName(dataRoot: string): string {
  return `gantry-${createHash('sha256').update(realpathSync(dataRoot)).digest('hex').slice(0, 8)}`;
}

/**
 * Removes what an engine leaves on the host on purpose, as it must go on when the daemon does not run: its bridges, its
 * firewall table, which names those of networks that users made, and its cgroups, which have no containers left when this is
 * called.
 */
export async function sweepHost(instance: string, bridge: string): Promise<void> {
  ensurePrograms('ip', 'nft');
  const { stdout } = await runCommand(['nft', 'list', 'table', 'ip', instance]);
  for (const link of new Set([bridge, ...(stdout.match(/\bbr-[0-9a-f]{12}\b/g) ?? [])]))
    if (existsSync(`/sys/class/net/${link}`)) await runCommand(['ip', 'link', 'delete', link]);
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
