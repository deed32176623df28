import { EngineError } from '@gantry/base';
import { TreeThread } from '@gantry/layer';
import type { CommitRequest } from '../engine.ts';
import { applyChanges } from '../images/index.ts';
import type { ImageRunConfig } from '../images/types.ts';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { mergeConfig } from './merge-config.ts';
import { pauseContainer, unpauseContainer } from './pause.ts';
import type { ContainerConfig, ContainerRecord } from './types.ts';

/**
 * Makes an image of a container: its image, a layer of what it changed, and its config with the asked changes. Volumes
 * are not part of it.
 *
 * @returns the image's ID
 * @throws not-found, conflict, invalid with Docker's texts
 */
export async function commitContainer(
  deps: ContainerDeps,
  ref: string,
  { request, signal }: { request: CommitRequest; signal: AbortSignal },
): Promise<string> {
  const container = deps.store.resolve(ref);
  refuseCommit(container);
  const config = commitConfig(container.config, request);
  await using _paused = await pauseFor(deps, container, request.pause);
  const directories = await deps.snapshots.changed(container.id, container.status.kind === 'running');
  await using thread = new TreeThread({ verb: 'layer', directories });
  await thread.head;
  const { reference, author, comment } = request;
  const createdBy = (container.config.cmd ?? []).join(' ');
  const parent = container.imageId;
  const id = await deps.images.commit(
    { layer: thread.chunks(), parent, config, createdBy, author, comment, reference },
    signal,
  );
  const attributes = { ...containerEvent(container), comment, imageID: id, imageRef: reference };
  deps.db.tx(() => deps.events.record('container', 'commit', container.id, attributes));
  return id;
}

function refuseCommit({ id, status }: ContainerRecord): void {
  const refuse = (what: string): never => {
    throw new EngineError('conflict', `You cannot commit container ${id} which is ${what}`);
  };
  if (status.kind === 'dead') refuse('Dead');
  if (status.kind === 'removing') refuse('being removed');
}

/** Freezes a running container; disposing lets it go on. */
async function pauseFor(
  deps: ContainerDeps,
  { id, status }: ContainerRecord,
  pause: boolean,
): Promise<AsyncDisposable> {
  if (!pause || status.kind !== 'running' || status.paused) return { [Symbol.asyncDispose]: async () => undefined };
  await pauseContainer(deps, id);
  return { [Symbol.asyncDispose]: () => unpauseContainer(deps, id) };
}

/**
 * The config of the image: what was asked for with the changes made to it, laid over the container's own, as a container's
 * is laid over its image's.
 */
export function commitConfig(own: ContainerConfig, { config, changes }: CommitConfigRequest): ImageRunConfig {
  const asked = config ?? own;
  const changed = { ...asked, ...applyChanges(runConfigOf(asked), changes) };
  return runConfigOf(mergeConfig(changed, runConfigOf(own)));
}

type CommitConfigRequest = Pick<CommitRequest, 'config' | 'changes'>;

/** What of a container's config an image can say. */
function runConfigOf(config: ContainerConfig): ImageRunConfig {
  const { user, exposedPorts, env, entrypoint, cmd, volumes, workingDir, labels } = config;
  const { stopSignal, shell, healthcheck, argsEscaped, onBuild } = config;
  return {
    ...{ user, exposedPorts, env, entrypoint, cmd, volumes, workingDir, labels },
    ...{ stopSignal, shell, healthcheck, argsEscaped, onBuild },
  };
}
