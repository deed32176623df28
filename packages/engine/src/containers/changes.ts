import { TreeThread, textOfBytes } from '@gantry/layer';
import type { ContainerChange } from '../engine.ts';
import type { TreeDeps } from './archive-view.ts';

/** Lists what a container changed in its image's file system, parents before children. @throws not-found with Docker's text */
export async function listContainerChanges(deps: TreeDeps, ref: string): Promise<readonly ContainerChange[]> {
  const { id, status } = deps.store.resolve(ref);
  const directories = await deps.snapshots.changed(id, status.kind === 'running');
  await using thread = new TreeThread({ verb: 'changes', directories });
  const changes = await thread.head;
  return changes.map(({ kind, path }) => ({ kind, path: `/${textOfBytes(path)}` }));
}
