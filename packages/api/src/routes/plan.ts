import { document, field, object } from '../codec/codec.ts';
import { queryFilters, querySwitch } from '../codec/query.ts';
import type { RemovalPlanWire } from '../wire/removal-plan.ts';

/**
 * A DELETE that answers nothing when it acts (204), and with `plan=1` its plan (200). `after`, repeated, where one removal bears on the
 * next: as it would be once these were removed by the same request, which is how `rm` and `rmi` go on.
 */
export const planReply = document<RemovalPlanWire | undefined>();

/**
 * What a prune of networks, volumes or images asks. `plan`: the same answer, and nothing is removed. `afterContainers`, for a
 * plan: as it would be once a prune of containers with the same labels and age was done, which is how `system prune` goes on.
 */
export const pruneQuery = object({
  filters: field('filters', queryFilters, 'omit'),
  plan: field('plan', querySwitch, 'omit'),
  afterContainers: field('afterContainers', querySwitch, 'omit'),
});
