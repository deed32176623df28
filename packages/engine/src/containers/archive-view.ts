import { existsSync } from 'node:fs';
import { EngineError, isEngineError } from '@gantry/base';
import { type TreeRequest, TreeThread, type TreeView, type ViewMount } from '@gantry/layer';
import { planRoot } from '@gantry/runtime';
import type { ContainerDeps } from './deps.ts';
import { ensureBindSources } from './mounts.ts';
import { containerPaths } from './paths.ts';
import { byDepth } from './plan-mounts.ts';
import type { ContainerRecord, MountPoint } from './types.ts';

export type TreeDeps = Pick<ContainerDeps, 'store' | 'locks' | 'tasks' | 'snapshots' | 'dataRoot' | 'events' | 'db'>;

type Verb = 'stat' | 'archive' | 'extract' | 'export';
type Request<V extends Verb> = (view: TreeView) => TreeRequest & { readonly verb: V };

/** A thread that stands in a container's tree. Disposing ends it, and lets the container go when it was held. */
export type ContainerTree<V extends Verb> = AsyncDisposable & {
  readonly thread: TreeThread<V>;
  readonly container: ContainerRecord;
};

/** How often a container may end just when it is looked at. */
const mostEnds = 5;

/**
 * Opens the tree of a container for one request.
 *
 * A container that does not run is held until the tree is disposed of: an overlay must not be mounted twice. One that
 * runs is looked at through its own mount, and may stop or go away meanwhile.
 *
 * @throws not-found, conflict; what the thread throws while it opens the tree
 */
export async function openContainerTree<V extends Verb>(
  deps: TreeDeps,
  ref: string,
  { request, mounts, input }: { request: Request<V>; mounts: boolean; input?: AsyncIterable<Uint8Array> },
): Promise<ContainerTree<V>> {
  const { id } = deps.store.resolve(ref);
  for (let ends = 0; ; ends++) {
    await using undo = new AsyncDisposableStack();
    const held = undo.use(await deps.locks.hold(id));
    const container = deps.store.get(id);
    refuseRemoved(container);
    const isRunning = container.status.kind === 'running';
    const root = await treeRoot(deps, container, undo);
    const thread = undo.use(new TreeThread<V>(request(viewOf(deps, container, { root, mounts })), input));
    try {
      await thread.ready;
    } catch (error) {
      // Its end is booked as soon as the lock is free: then it is a container that does not run.
      if (isRunning && isEngineError(error, 'unavailable') && ends < mostEnds) continue;
      throw error;
    }
    if (isRunning) await held[Symbol.asyncDispose]();
    const life = undo.move();
    return { thread, container, [Symbol.asyncDispose]: () => life.disposeAsync() };
  }
}

export function refuseRemoved({ id, status }: ContainerRecord): void {
  if (status.kind === 'removing' || status.kind === 'dead')
    throw new EngineError('conflict', `container ${id} is being removed`);
}

function viewOf(
  deps: TreeDeps,
  container: ContainerRecord,
  { root, mounts }: { root: TreeView['root']; mounts: boolean },
): TreeView {
  return {
    root,
    target: deps.snapshots.target,
    mounts: mounts
      ? [
          ...container.mountPoints
            .filter(isShown)
            .sort(byDepth)
            .map((point) => viewMount(point, container.status)),
          ...etcFiles(deps, container),
        ]
      : [],
  };
}

/** @param life until its end, what the root is mounted from is there */
async function treeRoot(
  deps: TreeDeps,
  { id, status, mountPoints }: ContainerRecord,
  life: AsyncDisposableStack,
): Promise<TreeView['root']> {
  const task = deps.tasks.find(id);
  if (status.kind === 'running' && task !== undefined)
    return { kind: 'running', pid: task.pid, startTicks: task.startTicks };
  const { mount, hostMount } = life.use(await deps.snapshots.prepare(id));
  ensureBindSources(mountPoints);
  const [act] = planRoot({ kind: 'overlay', ...mount }, 0);
  if (act?.verb !== 'mountHost') throw new Error('unreachable: the first act of a root is its mount');
  return { kind: 'stopped', overlay: act, hostMount };
}

/** A tmpfs is the run's, not the container's: as in Docker, `cp` sees what is below it. */
function isShown({ type }: MountPoint): boolean {
  return type === 'bind' || type === 'volume';
}

/** A start fills volumes that are empty; a copy before the first start must not take their emptiness away. */
function viewMount(point: MountPoint, status: ContainerRecord['status']): ViewMount {
  const { source, subpath, destination, recursive, writable } = point;
  const copyUp = point.type === 'volume' && point.copyUp && subpath === '' && status.kind === 'created';
  return { source, subpath, destination, recursive, writable, copyUp, makesTarget: true };
}

/** The three files in /etc that belong to the engine, where the container has them already. */
function etcFiles({ dataRoot }: TreeDeps, { id, hostConfig, mountPoints, status }: ContainerRecord): ViewMount[] {
  if (status.kind === 'created') return [];
  const paths = containerPaths(dataRoot, id);
  const files = [
    { destination: '/etc/resolv.conf', source: paths.resolvConf },
    { destination: '/etc/hostname', source: paths.hostname },
    { destination: '/etc/hosts', source: paths.hosts },
  ];
  const taken = new Set(mountPoints.map(({ destination }) => destination));
  return files
    .filter(({ destination, source }) => !taken.has(destination) && existsSync(source))
    .map((file) => ({
      ...file,
      subpath: '',
      recursive: false,
      writable: !hostConfig.readonlyRootfs,
      makesTarget: false,
      copyUp: false,
    }));
}
