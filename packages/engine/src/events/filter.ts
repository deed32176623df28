import type { Filters } from '../engine.ts';
import type { EngineEvent } from './types.ts';

/** Actions that carry a command or a state behind a colon: a filter on them means the word before it. */
const prefixActions = new Set(['health_status', 'exec_create', 'exec_start']);

/**
 * Tells whether an event passes Docker's filters. Different keys are joined by "and", values of one key by "or", except
 * labels, which must all be there.
 *
 * Docker's rule for `container`, `volume`, `network` and `daemon`: the value is a prefix of the actor's ID or name,
 * whatever the type of the event.
 */
export function matchesEvent(event: EngineEvent, filters: Filters): boolean {
  const { attributes } = event;
  const names = [event.actorId, attributes.name ?? ''];
  return (
    matchesAction(event.action, filters.get('event')) &&
    anyOf(filters.get('type'), (value) => value === event.type) &&
    anyOf(filters.get('scope'), (value) => value === 'local') &&
    ['container', 'volume', 'network', 'daemon', 'plugin', 'service', 'node', 'secret', 'config'].every((key) =>
      anyOf(filters.get(key), (value) => names.some((name) => name.startsWith(value))),
    ) &&
    anyOf(filters.get('image'), (value) => imageNames(event).includes(value)) &&
    (filters.get('label') ?? []).every((label) => hasLabel(attributes, label))
  );
}

function anyOf(values: readonly string[] | undefined, test: (value: string) => boolean): boolean {
  return values === undefined || values.length === 0 || values.some(test);
}

function matchesAction(action: string, values: readonly string[] | undefined): boolean {
  const byPrefix = values?.some((value) => prefixActions.has(value)) ?? false;
  return anyOf(values, (value) => (byPrefix ? action.startsWith(value) : action === value));
}

function imageNames(event: EngineEvent): readonly string[] {
  const named = event.attributes[event.type === 'image' ? 'name' : 'image'] ?? '';
  return [event.actorId, named, withoutTag(event.actorId), withoutTag(named)];
}

/** `docker.io/library/busybox:1@sha256:…` as people say it: `busybox`. */
function withoutTag(reference: string): string {
  const [name = ''] = reference.split('@', 1);
  return name.replace(/:[^/:]*$/, '').replace(/^docker\.io\/(library\/)?/, '');
}

function hasLabel(attributes: Readonly<Record<string, string>>, label: string): boolean {
  const equals = label.indexOf('=');
  if (equals < 0) return label in attributes;
  return attributes[label.slice(0, equals)] === label.slice(equals + 1);
}
