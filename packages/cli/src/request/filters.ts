import type { Filters } from '@gantry/api';
import { flagList, type ParsedFlags } from '@gantry/base';
import { type Flag, listFlag } from '../command.ts';
import { cutPair } from './csv.ts';

/** The `--filter` flag; `prune` has no letter for it. */
export function filterFlag(usage: string, short?: 'f'): Flag {
  return listFlag('filter', usage, { type: 'filter', check: checkFilter, ...(short === undefined ? {} : { short }) });
}

function checkFilter(text: string): void {
  if (text !== '' && !text.includes('=')) throw new Error('bad format of filter (expected name=value)');
}

/** Every `--filter name=value`, names in lower case, as the engine's filters. */
export function parseFilters(flags: ParsedFlags): Filters {
  const filters = new Map<string, string[]>();
  for (const text of flagList(flags, 'filter')) {
    if (text === '') continue;
    const [name, value = ''] = cutPair(text);
    const key = name.trim().toLowerCase();
    filters.set(key, [...(filters.get(key) ?? []), value.trim()]);
  }
  return filters;
}

/** Filters with one more value. */
export function withFilter(filters: Filters, name: string, value: string): Filters {
  return new Map([...filters, [name, [...(filters.get(name) ?? []), value]]]);
}
