import { TreeThread, textOfBytes } from '@gantry/layer';
import type { ContainerChange } from '../engine.ts';
import { rootOf, type TreeDeps } from './archive-view.ts';
import type { ContainerRecord } from './types.ts';

/** Lists what a container changed in its image's file system, parents before children. @throws not-found with Docker's text */
export async function listContainerChanges(deps: TreeDeps, ref: string): Promise<readonly ContainerChange[]> {
  const directories = overlayOf(deps, deps.store.resolve(ref));
  await using thread = new TreeThread({ verb: 'changes', directories });
  const changes = await thread.head;
  return changes.map(({ kind, path }) => ({ kind, path: `/${textOfBytes(path)}` }));
}

/** The directories of a container's overlay: what it changed lies in the upper one alone. */
export function overlayOf(
  deps: Pick<TreeDeps, 'snapshots'>,
  container: ContainerRecord,
): { cwd: string; upper: string; lower: readonly string[] } {
  const { cwd, upper, lower } = rootOf(deps, container);
  if (upper === undefined) throw new Error('unreachable: a container without an upper directory');
  return { cwd, upper, lower };
}
