import type { Filters } from '@gantry/api';
import type { VolumeRecord } from '@gantry/engine';
import { anyValue, checkFilters, filterSwitch, matchesLabels, matchesName } from './filters.ts';

/** The filter of a volume list. `isUsed` tells whether a container holds it. */
export function volumeFilter(filters: Filters, isUsed: (name: string) => boolean): (volume: VolumeRecord) => boolean {
  checkFilters(filters, ['dangling', 'driver', 'label', 'name']);
  const dangling = filterSwitch(filters, 'dangling');
  return (volume) =>
    (dangling === undefined || dangling === !isUsed(volume.name)) &&
    anyValue(filters, 'driver', (driver) => driver === volume.driver) &&
    anyValue(filters, 'name', (name) => matchesName(name, volume.name)) &&
    matchesLabels(filters, volume.labels);
}

/** What a volume prune takes: anonymous ones only, unless all are asked for. */
export function volumePruneFilter(filters: Filters): (volume: VolumeRecord) => boolean {
  checkFilters(filters, ['all', 'label', 'label!']);
  const all = filterSwitch(filters, 'all') ?? false;
  return (volume) => (all || volume.anonymous) && matchesLabels(filters, volume.labels);
}
