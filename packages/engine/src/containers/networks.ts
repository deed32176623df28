import { EngineError } from '@gantry/base';
import type { ContainerDeps } from './deps.ts';
import type { ContainerRecord, EndpointConfig } from './types.ts';

/** Attaches a container to one more network, also while it runs. */
export async function connectNetwork(
  deps: ContainerDeps,
  { network, container: ref, config }: { network: string; container: string; config: EndpointConfig },
): Promise<void> {
  const { id } = deps.store.resolve(ref);
  await using _lock = await deps.locks.hold(id);
  const container = deps.store.get(id);
  if (container.status.kind === 'removing' || container.status.kind === 'dead')
    throw new EngineError(
      'conflict',
      `container ${id} is marked for removal and cannot be connected or disconnected to the network`,
    );
  await deps.networks.connect(network, attachment(container), config);
}

/** Takes a container off a network; with `force` also one that is gone already. */
export async function disconnectNetwork(
  deps: ContainerDeps,
  { network, container: ref, force }: { network: string; container: string; force: boolean },
): Promise<void> {
  const { id } = deps.store.resolve(ref);
  await using _lock = await deps.locks.hold(id);
  await deps.networks.disconnect(network, attachment(deps.store.get(id)), force);
}

function attachment({ id, name, status }: ContainerRecord): { id: string; name: string; pid: number | undefined } {
  return { id, name, pid: status.kind === 'running' ? status.pid : undefined };
}
