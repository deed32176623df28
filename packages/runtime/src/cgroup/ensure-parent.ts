import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isErrno } from '@gantry/base';
import type { CgroupLayout } from '../facts.ts';
import { hierarchiesOf } from './layout.ts';

/**
 * Makes the cgroup in which containers' cgroups are made, once for each parent and not at each start.
 *
 * v1: a cpuset starts empty and would let nobody in, so the chain down to the parent takes over what is above it, and
 * `cgroup.clone_children` makes the kernel fill in every container's own at its mkdir. v2: controllers have to be handed
 * down at every step. Both are left alone where they are set already: an administrator may have narrowed them.
 *
 * @param parentPath `/gantry`, absolute below the mount points
 */
export function ensureCgroupParent(layout: CgroupLayout, parentPath: string): void {
  if (layout.kind === 'v2') {
    ensureTree(layout.tree.mountPoint, { parentPath, controllers: layout.tree.controllers });
    return;
  }
  for (const { mountPoint, controllers } of hierarchiesOf(layout)) {
    mkdirSync(`${mountPoint}${parentPath}`, { recursive: true });
    if (controllers.includes('cpuset')) {
      for (const directory of chain(mountPoint, parentPath)) inheritCpuset(directory);
    }
  }
}

function inheritCpuset(directory: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (readFileSync(`${directory}/${file}`, 'utf8').trim() !== '') continue;
    writeFileSync(`${directory}/${file}`, readFileSync(`${dirname(directory)}/${file}`, 'utf8').trim());
  }
  writeFileSync(`${directory}/cgroup.clone_children`, '1');
}

function ensureTree(mountPoint: string, parent: { parentPath: string; controllers: readonly string[] }): void {
  mkdirSync(`${mountPoint}${parent.parentPath}`, { recursive: true });
  const wanted = parent.controllers.map((name) => `+${name}`).join(' ');
  for (const directory of [mountPoint, ...chain(mountPoint, parent.parentPath)]) {
    const enabled = new Set(readFileSync(`${directory}/cgroup.subtree_control`, 'utf8').trim().split(' '));
    if (!parent.controllers.every((name) => enabled.has(name))) {
      writeFileSync(`${directory}/cgroup.subtree_control`, wanted);
    }
  }
}

/** The directories from just below the mount point down to the parent. */
function chain(mountPoint: string, parentPath: string): string[] {
  const parts = parentPath.split('/').filter((part) => part !== '');
  return parts.map((_, index) => `${mountPoint}/${parts.slice(0, index + 1).join('/')}`);
}

/** Names the cgroups that exist below a parent: what a crash may have left behind. */
export function listCgroups(layout: CgroupLayout, parentPath: string): string[] {
  const mountPoints = layout.kind === 'v2' ? [layout.tree.mountPoint] : layout.hierarchies.map((one) => one.mountPoint);
  const names = new Set<string>();
  for (const mountPoint of mountPoints) {
    for (const entry of entriesOf(`${mountPoint}${parentPath}`)) names.add(entry);
  }
  return [...names];
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    // No parent yet: nothing was ever started on this hierarchy.
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
