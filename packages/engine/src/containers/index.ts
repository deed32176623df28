import type { ContainerRoom } from '../engine.ts';
import { readContainerArchive, statContainerPath, writeContainerArchive } from './archive.ts';
import { attachContainer } from './attach.ts';
import { listContainerChanges } from './changes.ts';
import { commitContainer } from './commit.ts';
import { createContainer } from './create.ts';
import type { ContainerDeps } from './deps.ts';
import { createExec } from './exec-create.ts';
import { resizeExec, startExec } from './exec-start.ts';
import { exportContainer } from './export.ts';
import { killContainer } from './kill.ts';
import { listContainers } from './list.ts';
import { connectNetwork, disconnectNetwork } from './networks.ts';
import { pauseContainer, unpauseContainer } from './pause.ts';
import { planContainerPrune, pruneContainers } from './prune.ts';
import { ranAt } from './ran-at.ts';
import { rehearse } from './rehearse.ts';
import { planContainerRemoval, removeContainer } from './remove.ts';
import { renameContainer } from './rename.ts';
import { resizeContainer } from './resize.ts';
import { restartContainer } from './restart.ts';
import { sampleContainer } from './sample.ts';
import { startContainer } from './start.ts';
import { stopContainer } from './stop.ts';
import { streamLogs } from './stream-logs.ts';
import { topContainer } from './top.ts';
import { updateContainer } from './update.ts';
import { viewContainer } from './view.ts';
import { waitContainer } from './wait.ts';
import { whyContainer } from './why.ts';

export { attendTask } from './attend-task.ts';
export { createBackground } from './background.ts';
export type { ContainerDefaults, ContainerDeps } from './deps.ts';
export { removeEmptyCgroup } from './end-leftovers.ts';
export { openExecTable } from './exec-table.ts';
export { handOver } from './hand-over.ts';
export { openHealthTable } from './health-table.ts';
export { readLimitFacts } from './limit-facts.ts';
export { createLive } from './live.ts';
export { containerPaths } from './paths.ts';
export { reconcileContainers } from './reconcile.ts';
export { openContainerStore } from './store.ts';

/** The room's door: every verb has its own file, and this table says which. */
export function openContainers(deps: ContainerDeps): ContainerRoom {
  return {
    create: async (request) => createContainer(deps, request),
    rehearse: (request) => rehearse(deps, request),
    get: (ref) => deps.store.resolve(ref),
    update: (ref, change) => updateContainer(deps, ref, change),
    top: (ref, psArguments) => topContainer(deps, ref, psArguments),
    sample: (ref) => sampleContainer(deps, ref),
    prune: (filters) => pruneContainers(deps, filters),
    planPrune: (filters) => planContainerPrune(deps, filters),
    view: (ref, options) => viewContainer(deps, ref, options),
    list: (options) => listContainers(deps, options),
    onImage: (imageId) => deps.store.list().filter((container) => container.imageId === imageId),
    pause: (ref) => pauseContainer(deps, ref),
    unpause: (ref) => unpauseContainer(deps, ref),
    rename: (ref, name) => renameContainer(deps, ref, name),
    logs: (ref, options, signal) => streamLogs(deps, ref, { options, signal }),
    ranAt: (timeNanos) => ranAt(timeNanos, deps.events.around(timeNanos), deps.store.list()),
    why: (ref) => whyContainer(deps, ref),
    start: (ref) => startContainer(deps, ref),
    stop: (ref, options) => stopContainer(deps, ref, options),
    restart: (ref, options) => restartContainer(deps, ref, options),
    kill: (ref, signal) => killContainer(deps, ref, signal),
    remove: (ref, options) => removeContainer(deps, ref, options),
    planRemoval: (ref, options) => planContainerRemoval(deps, ref, options),
    wait: (ref, condition, signal) => waitContainer(deps, ref, { condition, signal }),
    attach: (ref, client, options) => attachContainer(deps, ref, { client, options }),
    resize: async (ref, rows, columns) => resizeContainer(deps, ref, { rows, columns }),
    statPath: (ref, path) => statContainerPath(deps, ref, path),
    readArchive: (ref, path, signal) => readContainerArchive(deps, ref, { path, signal }),
    writeArchive: (ref, write) => writeContainerArchive(deps, ref, write),
    export: (ref, signal) => exportContainer(deps, ref, signal),
    changes: (ref) => listContainerChanges(deps, ref),
    commit: (ref, request, signal) => commitContainer(deps, ref, { request, signal }),
    connectNetwork: (network, container, config) => connectNetwork(deps, { network, container, config }),
    disconnectNetwork: (network, container, force) => disconnectNetwork(deps, { network, container, force }),
    execCreate: async (ref, request) => createExec(deps, ref, request),
    execInspect: (execId) => deps.execs.get(execId),
    execStart: (execId, client, options) => startExec(deps, execId, { client, options }),
    execResize: async (execId, rows, columns) => resizeExec(deps, execId, { rows, columns }),
  };
}
