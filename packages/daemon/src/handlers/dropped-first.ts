import type { Filters } from '@gantry/api';
import type { Engine } from '@gantry/engine';

type PruneQuery = { readonly filters: Filters; readonly afterContainers: boolean };

/** What of a prune's filters a prune of containers takes too. */
const sharedFilters = ['label', 'label!', 'until'];

/** IDs of the containers that a plan takes for gone: what a prune of them, by the same labels and age, would remove. */
export async function droppedFirst(engine: Engine, query: PruneQuery): Promise<readonly string[]> {
  if (!query.afterContainers) return [];
  const filters = new Map([...query.filters].filter(([key]) => sharedFilters.includes(key)));
  return (await engine.containers.planPrune(filters)).deleted;
}
