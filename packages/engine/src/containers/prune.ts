import { EngineError } from '@gantry/base';
import type { Filters } from '../engine.ts';
import type { ContainerDeps } from './deps.ts';
import { parseUntil } from './parse-until.ts';
import { removeContainer } from './remove.ts';
import { hasLabel } from './select-containers.ts';
import type { ContainerRecord } from './types.ts';

type Pruned = { readonly deleted: readonly string[]; readonly reclaimedBytes: number };

/**
 * Removes every container that does not run and passes the filters `until`, `label` and `label!`. One that cannot be
 * removed (it was started meanwhile) is passed over.
 *
 * @throws invalid with Docker's texts
 */
export async function pruneContainers(deps: ContainerDeps, filters: Filters): Promise<Pruned> {
  const deleted: string[] = [];
  let reclaimedBytes = 0;
  for (const { id } of stoppedContainers(deps, filters)) {
    const { diskBytes } = await deps.snapshots.usage(id);
    try {
      await removeContainer(deps, id, { force: false, volumes: false, link: false });
    } catch (error) {
      if (error instanceof EngineError && (error.code === 'conflict' || error.code === 'not-found')) continue;
      throw error;
    }
    deleted.push(id);
    reclaimedBytes += diskBytes;
  }
  deps.events.record('container', 'prune', '', { reclaimed: String(reclaimedBytes) });
  return { deleted, reclaimedBytes };
}

/** What `pruneContainers` would remove now, and changes nothing. @throws what it throws */
export async function planContainerPrune(deps: ContainerDeps, filters: Filters): Promise<Pruned> {
  const deleted = stoppedContainers(deps, filters).map(({ id }) => id);
  const sizes = await Promise.all(deleted.map((id) => deps.snapshots.usage(id)));
  return { deleted, reclaimedBytes: sizes.reduce((sum, { diskBytes }) => sum + diskBytes, 0) };
}

/** Decides which containers a prune takes. @throws invalid with Docker's texts */
function stoppedContainers(deps: Pick<ContainerDeps, 'store' | 'now'>, filters: Filters): readonly ContainerRecord[] {
  for (const key of filters.keys())
    if (!['label', 'label!', 'until'].includes(key)) throw new EngineError('invalid', `invalid filter '${key}'`);
  const until = readUntil(filters, deps.now());
  const without = filters.get('label!') ?? [];
  return deps.store
    .list()
    .filter(({ status }) => status.kind !== 'running' && status.kind !== 'restarting' && status.kind !== 'removing')
    .filter(({ createdAt }) => until === undefined || createdAt <= until)
    .filter(({ config }) => (filters.get('label') ?? []).every((label) => hasLabel(config.labels, label)))
    .filter(({ config }) => without.length === 0 || !without.every((label) => hasLabel(config.labels, label)));
}

function readUntil(filters: Filters, now: Date): Date | undefined {
  const values = filters.get('until') ?? [];
  if (values.length > 1) throw new EngineError('invalid', 'more than one until filter specified');
  return values[0] === undefined ? undefined : parseUntil(values[0], now);
}
