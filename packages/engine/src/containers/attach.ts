import type { Duplex } from 'node:stream';
import { EngineError } from '@gantry/base';
import type { AttachOptions, ClientStream } from '../engine.ts';
import { readLogs } from '../logs/index.ts';
import type { AttachStreams } from '../tasks/index.ts';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { defaultDetachKeys, parseDetachKeys } from './detach-keys.ts';
import { taskOf } from './hang.ts';
import { joinStreams } from './join-streams.ts';
import { containerPaths } from './paths.ts';
import type { ContainerRecord } from './types.ts';

export type Attachment = { readonly client: ClientStream; readonly options: AttachOptions };

/**
 * Joins a client to a container's process. Before the start it waits for it and is joined before the process execs, so
 * that no byte is lost. Resolves when the output has ended, the client is gone or it detached.
 */
export async function attachContainer(
  deps: ContainerDeps,
  ref: string,
  { client, options }: Attachment,
): Promise<void> {
  const container = deps.store.resolve(ref);
  const keys = parseDetachKeys(options.detachKeys || defaultDetachKeys);
  refusePaused(container);
  if (options.logs) await sendHistory(deps, container, { client, options });
  if (!options.stream) {
    client.end();
    return;
  }
  const streams = {
    stdin: options.stdin && container.config.openStdin,
    stdout: options.stdout,
    stderr: options.stderr,
  };
  deps.events.record('container', 'attach', container.id, containerEvent(container));
  const shim = await attachNowOrAtStart(deps, container.id, { client, streams });
  if (shim === undefined) {
    client.end();
    return;
  }
  const { detached } = await joinStreams(client, shim, {
    stdin: streams.stdin,
    detachKeys: container.config.tty ? keys : undefined,
  });
  if (detached) deps.events.record('container', 'detach', container.id, containerEvent(container));
}

/** @returns undefined when the client is gone, or the container removed, before there is anything to attach to */
async function attachNowOrAtStart(
  deps: ContainerDeps,
  id: string,
  { client, streams }: { client: ClientStream; streams: AttachStreams },
): Promise<Duplex | undefined> {
  const task = taskOf(deps, id);
  if (task !== undefined && deps.store.get(id).status.kind === 'running') return task.attach(streams);
  const { promise, resolve } = Promise.withResolvers<Duplex | undefined>();
  let isOver = false;
  const dismiss = (): void => {
    isOver = true;
    resolve(undefined);
  };
  // A stream that nobody reads would stop the process once it is full.
  const meet = (stream: Duplex): void => (isOver ? void stream.destroy() : resolve(stream));
  const leave = deps.live.expect(id, { streams, meet, dismiss });
  const onClose = (): void => {
    leave();
    dismiss();
  };
  client.once('close', onClose);
  client.once('error', onClose);
  try {
    return await promise;
  } finally {
    client.off('close', onClose);
    client.off('error', onClose);
  }
}

async function sendHistory(
  deps: ContainerDeps,
  container: ContainerRecord,
  { client, options }: Attachment,
): Promise<void> {
  const history = readLogs(
    { path: containerPaths(deps.dataRoot, container.id).log, terminal: container.config.tty },
    { ...options, follow: false, sinceNanos: 0n, untilNanos: 0n, timestamps: false, details: false, tail: undefined },
  );
  for await (const chunk of history) {
    if (client.destroyed) return;
    if (!client.write(chunk)) await new Promise((resolve) => client.once('drain', resolve).once('close', resolve));
  }
}

function refusePaused({ status, id }: ContainerRecord): void {
  if (status.kind === 'running' && status.paused)
    throw new EngineError('conflict', `container ${id} is paused, unpause the container before attach`);
}
