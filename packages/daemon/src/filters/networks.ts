import type { Filters } from '@gantry/api';
import { EngineError } from '@gantry/base';
import type { NetworkRecord } from '@gantry/engine';
import { anyValue, checkFilters, filterSwitch, matchesLabels, matchesName, untilOf } from './filters.ts';

const predefined = ['bridge', 'host', 'none'];

/** The filter of a network list. `isUsed` tells whether containers are attached. */
export function networkFilter(filters: Filters, isUsed: (id: string) => boolean): (network: NetworkRecord) => boolean {
  checkFilters(filters, ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type']);
  for (const type of filters.get('type') ?? []) {
    if (type !== 'custom' && type !== 'builtin') throw new EngineError('invalid', `invalid filter: 'type'='${type}'`);
  }
  const dangling = filterSwitch(filters, 'dangling');
  return (network) => {
    const type = predefined.includes(network.name) ? 'builtin' : 'custom';
    return (
      anyValue(filters, 'driver', (driver) => driver === network.driver) &&
      anyValue(filters, 'id', (id) => network.id.startsWith(id)) &&
      anyValue(filters, 'name', (name) => matchesName(name, network.name)) &&
      anyValue(filters, 'scope', (scope) => scope === 'local') &&
      anyValue(filters, 'type', (wanted) => wanted === type) &&
      matchesLabels(filters, network.labels) &&
      (dangling === undefined || dangling === (type === 'custom' && !isUsed(network.id)))
    );
  };
}

export function networkPruneFilter(filters: Filters, now: Date): (network: NetworkRecord) => boolean {
  checkFilters(filters, ['label', 'label!', 'until']);
  const until = untilOf(filters, now);
  return (network) =>
    (until === undefined || network.createdAt.getTime() < until.getTime()) && matchesLabels(filters, network.labels);
}
