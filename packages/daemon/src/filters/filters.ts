import type { Filters } from '@gantry/api';
import { EngineError } from '@gantry/base';

/** @throws invalid with Docker's text when a filter's key is not one of `known` */
export function checkFilters(filters: Filters, known: readonly string[]): void {
  for (const key of filters.keys()) {
    if (!known.includes(key)) throw new EngineError('invalid', `invalid filter '${key}'`);
  }
}

/** True when nothing is asked of `key`, or one of its values passes. */
export function anyValue(filters: Filters, key: string, test: (value: string) => boolean): boolean {
  const values = filters.get(key) ?? [];
  return values.length === 0 || values.some(test);
}

/** A name as `name` filters match it: a regular expression where it is one, else a part of the name. */
export function matchesName(pattern: string, name: string): boolean {
  try {
    return new RegExp(pattern).test(name);
  } catch {
    return name.includes(pattern); // not an expression, so the text itself is meant
  }
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return Object.hasOwn(labels, wanted);
  const name = wanted.slice(0, equals);
  return Object.hasOwn(labels, name) && labels[name] === wanted.slice(equals + 1);
}

/** Labels under `label` must all be there, those under `label!` must not. */
export function matchesLabels(filters: Filters, labels: Readonly<Record<string, string>>): boolean {
  return (
    (filters.get('label') ?? []).every((wanted) => hasLabel(labels, wanted)) &&
    !(filters.get('label!') ?? []).some((unwanted) => hasLabel(labels, unwanted))
  );
}

/** A yes or no of a filter. @throws invalid with Docker's text for any other value */
export function filterSwitch(filters: Filters, key: string): boolean | undefined {
  const value = filters.get(key)?.[0];
  if (value === undefined) return undefined;
  if (['1', 'true'].includes(value.toLowerCase())) return true;
  if (['0', 'false'].includes(value.toLowerCase())) return false;
  throw new EngineError('invalid', `invalid filter '${key}=${value}'`);
}

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 0.001, ns: 0.000001 };

/** The moment that `until` names: a length of time before now (`24h`), Unix seconds, or a date. @throws invalid */
export function untilOf(filters: Filters, now: Date): Date | undefined {
  const values = filters.get('until') ?? [];
  const value = values[0];
  if (value === undefined) return undefined;
  if (values.length > 1) throw new EngineError('invalid', 'more than one until filter specified');
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(ms|us|ns|h|m|s)/g)];
  if (parts.length > 0 && parts.map(([part]) => part).join('') === value) {
    const lengthMs = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ''] ?? 0), 0);
    return new Date(now.getTime() - lengthMs);
  }
  if (/^\d+(\.\d+)?$/.test(value)) return new Date(Number(value) * 1000);
  const moment = new Date(value);
  if (Number.isNaN(moment.getTime())) throw new EngineError('invalid', `invalid filter 'until=${value}'`);
  return moment;
}
