import { join } from 'node:path';
import { EngineError, type KeyedLock } from '@gantry/base';
import { type ChangedDirectories, measureTree, TreeThread } from '@gantry/layer';
import type { CollectDeps } from './collect.ts';
import { copyActive } from './copy-active.ts';
import { emptyLayer } from './directories.ts';
import type { PreparedRoot } from './drivers/driver.ts';
import type { ActiveRow } from './rows.ts';
import type { ContainerUsage, RootMount } from './types.ts';

/** A container's writable state, and whose turn it is to make its copy. */
export type ActiveDeps = { readonly store: CollectDeps; readonly turns: KeyedLock };

export function activeOf({ rows }: CollectDeps, containerId: string): ActiveRow {
  const active = rows.findActive(containerId);
  if (active !== undefined) return active;
  throw new EngineError('not-found', `cannot mount snapshot of container "${containerId}": it has none`);
}

/** With a stack nothing is waited for on the way to a start: two directories, and the kernel mounts them. */
export async function prepareActive(deps: ActiveDeps, active: ActiveRow): Promise<PreparedRoot> {
  const { directories, driver } = deps.store;
  if (driver.kind === 'stacked') {
    directories.ensureActive(active.dir);
    return await driver.prepare(overlayOf(deps.store, active));
  }
  await ensureCopy(deps, active);
  const { layersDir: cwd, target } = directories;
  return {
    mount: { cwd, lower: [], upper: `${active.dir}/fs`, work: undefined, target },
    hostMount: undefined,
    [Symbol.dispose]: () => undefined,
  };
}

/** Where a container's changes show. `isRunning`: it writes to them meanwhile. */
export async function changedDirectories(
  deps: ActiveDeps,
  active: ActiveRow,
  isRunning: boolean,
): Promise<ChangedDirectories> {
  const { directories, driver } = deps.store;
  if (driver.kind === 'whole') {
    await ensureCopy(deps, active);
    return copyOf(deps.store, active);
  }
  if (!isRunning) directories.ensureActive(active.dir);
  const overlay = overlayOf(deps.store, active);
  if (!isRunning) await driver.quiet(overlay);
  return { kind: 'overlay', cwd: overlay.cwd, upper: `${active.dir}/fs`, lower: overlay.lower };
}

/** Bytes of what a container changed, and what its own tree takes on the disk; nothing before its first start. */
export async function measureActive(store: CollectDeps, active: ActiveRow): Promise<ContainerUsage> {
  const { directories, driver } = store;
  if (!directories.isMade(active.dir)) return { changedBytes: 0, diskBytes: 0 };
  const ownBytes = (): Promise<number> => measureTree(directories.fsOf(active.dir));
  if (driver.kind === 'stacked') {
    const bytes = await ownBytes();
    return { changedBytes: bytes, diskBytes: bytes };
  }
  await using thread = new TreeThread({ verb: 'changedBytes', directories: copyOf(store, active) });
  const changedBytes = await thread.head;
  return { changedBytes, diskBytes: driver.sharesBytes ? changedBytes : await ownBytes() };
}

/** A `diff` may want the copy that a start is making. */
async function ensureCopy({ store, turns }: ActiveDeps, active: ActiveRow): Promise<void> {
  const { directories, driver } = store;
  if (driver.kind === 'stacked') throw new Error('unreachable: a stack of layers is not copied');
  await using _turn = await turns.hold(active.dir);
  if (directories.isMade(active.dir)) return;
  const top = topOf(store, active);
  const from = top === undefined ? undefined : directories.fsOf(top);
  await copyActive(driver, join(directories.layersDir, active.dir), from);
}

/** The layer that holds all that a container begins with. */
function topOf({ stacks }: CollectDeps, { chain_id: chainId }: ActiveRow): string | undefined {
  return chainId === '' ? undefined : stacks.of(chainId)[0];
}

function copyOf(store: CollectDeps, active: ActiveRow): ChangedDirectories {
  const top = topOf(store, active);
  return {
    kind: 'copy',
    cwd: store.directories.layersDir,
    tree: `${active.dir}/fs`,
    below: top === undefined ? '' : `${top}/fs`,
    copied: `${active.dir}/work`,
  };
}

function overlayOf({ directories, stacks }: CollectDeps, active: ActiveRow): RootMount {
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
