import { record, streamTree } from './archive.ts';
import { openContainerTree, type TreeDeps } from './archive-view.ts';

/**
 * Reads a container's whole root file system as a tar, without its volumes and without what the kernel shows in /proc,
 * /sys and /dev.
 *
 * @throws not-found with Docker's text
 */
export async function exportContainer(
  deps: TreeDeps,
  ref: string,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  await using undo = new AsyncDisposableStack();
  const tree = undo.use(
    await openContainerTree(deps, ref, { request: (view) => ({ verb: 'export', view }), mounts: false }),
  );
  await tree.thread.head;
  record(deps, 'export', tree.container);
  undo.move();
  return streamTree(tree, signal);
}
