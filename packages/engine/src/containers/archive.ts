import { EngineError, isEngineError } from '@gantry/base';
import type { PathStat, TreeView } from '@gantry/layer';
import type { ArchiveWrite, ReadArchive } from '../engine.ts';
import { openContainerTree, type TreeDeps } from './archive-view.ts';
import { containerEvent } from './container-event.ts';
import type { ContainerRecord } from './types.ts';

/** Looks at a path inside a container. @throws not-found with Docker's text, internal */
export async function statContainerPath(deps: TreeDeps, ref: string, path: string): Promise<PathStat> {
  return await named(ref, path, async () => {
    const request = (view: TreeView) => ({ verb: 'stat', view, path }) as const;
    await using tree = await openContainerTree(deps, ref, { request, mounts: true });
    return await tree.thread.head;
  });
}

/**
 * Reads a path inside a container as a tar: a file by its name, a directory with all that is in it.
 *
 * @throws not-found with Docker's text, internal
 */
export async function readContainerArchive(
  deps: TreeDeps,
  ref: string,
  { path, signal }: { path: string; signal: AbortSignal },
): Promise<ReadArchive> {
  return await named(ref, path, async () => {
    await using undo = new AsyncDisposableStack();
    const request = (view: TreeView) => ({ verb: 'archive', view, path }) as const;
    const tree = undo.use(await openContainerTree(deps, ref, { request, mounts: true }));
    const stat = await tree.thread.head;
    record(deps, 'archive-path', tree.container);
    undo.move();
    return { stat, chunks: streamTree(tree, signal) };
  });
}

/**
 * Unpacks a tar into a directory inside a container, running or not.
 *
 * @throws not-found, invalid with Docker's texts
 */
export async function writeContainerArchive(
  deps: TreeDeps,
  ref: string,
  { path, archive, copyUidGid, noOverwriteDirNonDir }: ArchiveWrite,
): Promise<void> {
  const container = deps.store.resolve(ref);
  const options = {
    path,
    keepKinds: noOverwriteDirNonDir,
    user: copyUidGid ? container.config.user : '',
    readOnlyRoot: container.hostConfig.readonlyRootfs,
  };
  await named(ref, path, async () => {
    const request = (view: TreeView) => ({ verb: 'extract', view, options }) as const;
    await using tree = await openContainerTree(deps, ref, { request, mounts: true, input: archive });
    await tree.thread.head;
    record(deps, 'extract-to-dir', tree.container);
  });
}

/** The chunks of a tree's archive; the tree is let go of with the last of them, or when the reader leaves. */
export async function* streamTree(
  tree: AsyncDisposable & { readonly thread: { chunks(): AsyncIterable<Uint8Array> } },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  await using _tree = tree;
  for await (const chunk of tree.thread.chunks()) {
    signal.throwIfAborted();
    yield chunk;
  }
}

export function record(
  { events, db }: Pick<TreeDeps, 'events' | 'db'>,
  action: string,
  container: ContainerRecord,
): void {
  db.tx(() => events.record('container', action, container.id, containerEvent(container)));
}

/** Docker names the path and the container as the client did. */
async function named<T>(ref: string, path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isEngineError(error, 'not-found') || !error.message.startsWith('lstat ')) throw error;
    throw new EngineError('not-found', `Could not find the file ${path} in container ${ref}`, { cause: error });
  }
}
