import { EngineError } from '@gantry/base';
import type { Filters } from '../engine.ts';
import type { ContainerRecord } from './types.ts';
import { stateOf } from './view.ts';

export type ListOptions = {
  /** Also those that do not run. */
  readonly all: boolean;
  /** The newest so many, running or not; 0: no limit. */
  readonly limit: number;
  readonly filters: Filters;
};

/** What filters ask of other rooms, looked up only for the containers that pass all else. */
export type Lookups = {
  readonly networksOf: (containerId: string) => readonly { readonly networkId: string; readonly networkName: string }[];
  readonly portsOf: (
    containerId: string,
  ) => readonly { readonly protocol: string; readonly containerPort: number; readonly hostPort: number }[];
  /** Of all its platforms; none: no such image. */
  readonly imageIds: (reference: string) => readonly string[];
  readonly health: (container: ContainerRecord) => string | undefined;
};

const knownFilters = new Set(
  ['ancestor', 'before', 'exited', 'expose', 'health', 'id', 'is-task', 'isolation', 'label', 'name', 'network'].concat(
    'publish',
    'since',
    'status',
    'volume',
  ),
);
const states = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
const healths = ['none', 'starting', 'healthy', 'unhealthy'];

/**
 * Chooses what `ps` shows, in Docker's semantics: different keys are joined by "and", values of one key by "or", labels
 * must all be there.
 *
 * @param containers newest first
 * @throws invalid, not-found with Docker's texts
 */
export function selectContainers(
  containers: readonly ContainerRecord[],
  { all, limit, filters }: ListOptions,
  lookups: Lookups,
): readonly ContainerRecord[] {
  for (const key of filters.keys())
    if (!knownFilters.has(key)) throw new EngineError('invalid', `invalid filter '${key}'`);
  const tests = [...stateTests(filters), ...identityTests(filters), ...relationTests(filters, lookups)];
  const showsAll = all || limit > 0 || (filters.get('status')?.length ?? 0) > 0;
  const chosen: ContainerRecord[] = [];
  for (const container of between(containers, filters)) {
    if (limit > 0 && chosen.length === limit) break;
    if (!showsAll && !isRunning(container)) continue;
    if (tests.every((test) => test(container))) chosen.push(container);
  }
  return chosen;
}

type Test = (container: ContainerRecord) => boolean;

function isRunning({ status }: ContainerRecord): boolean {
  return status.kind === 'running' || status.kind === 'restarting';
}

/** `before` and `since` cut the list, which is sorted by age. */
function between(containers: readonly ContainerRecord[], filters: Filters): readonly ContainerRecord[] {
  const indexOf = (ref: string): number => {
    const name = ref.replace(/^\//, '');
    const exact = containers.findIndex(({ id, name: own }) => id === ref || own === name);
    const index = exact >= 0 ? exact : containers.findIndex(({ id }) => ref !== '' && id.startsWith(ref));
    if (index < 0) throw new EngineError('not-found', `No such container: ${ref}`);
    return index;
  };
  const first = Math.max(-1, ...(filters.get('before') ?? []).map(indexOf)) + 1;
  const last = Math.min(containers.length, ...(filters.get('since') ?? []).map(indexOf));
  return containers.slice(first, last);
}

/** A test of one key; none when the key was not given. */
function forKey(filters: Filters, key: string, make: (values: readonly string[]) => Test): Test[] {
  const values = filters.get(key) ?? [];
  return values.length === 0 ? [] : [make(values)];
}

function stateTests(filters: Filters): Test[] {
  return [
    ...forKey(filters, 'status', (values) => {
      for (const value of values)
        if (!states.includes(value))
          throw new EngineError(
            'invalid',
            `invalid filter 'status=${value}': invalid value for state (${value}): must be one of ${states.join(', ')}`,
          );
      return ({ status }) => values.includes(stateOf(status));
    }),
    ...forKey(filters, 'exited', (values) => {
      const codes = values.map((value) => {
        if (!/^[+-]?\d+$/.test(value))
          throw new EngineError(
            'invalid',
            `invalid filter 'exited=${value}': strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`,
          );
        return Number(value);
      });
      return ({ status }) =>
        status.kind === 'exited' && status.startedAt !== undefined && codes.includes(status.exitCode);
    }),
    ...forKey(filters, 'is-task', (values) => {
      // No container here belongs to a swarm task.
      const wanted = parseBoolean('is-task', values[0] ?? '');
      return () => !wanted;
    }),
  ];
}

function parseBoolean(key: string, value: string): boolean {
  if (/^(1|true)$/i.test(value)) return true;
  if (/^(0|false)$/i.test(value)) return false;
  throw new EngineError('invalid', `invalid filter '${key}=[${value}]'`);
}

function identityTests(filters: Filters): Test[] {
  return [
    ...forKey(
      filters,
      'id',
      (values) =>
        ({ id }) =>
          values.some((value) => id.startsWith(value)),
    ),
    ...forKey(filters, 'name', (values) => {
      const matchers = values.map(nameMatcher);
      return ({ name }) => matchers.some((matches) => matches(name) || matches(`/${name}`));
    }),
    ...forKey(
      filters,
      'label',
      (values) =>
        ({ config }) =>
          values.every((label) => hasLabel(config.labels, label)),
    ),
    ...forKey(
      filters,
      'volume',
      (values) =>
        ({ mountPoints }) =>
          mountPoints.some(
            (point) => values.includes(point.destination) || values.includes(point.name || point.source),
          ),
    ),
  ];
}

/** Docker's name filter is a regular expression anywhere in the name; one that is none matches its own text only. */
function nameMatcher(value: string): (name: string) => boolean {
  try {
    const pattern = new RegExp(value);
    return (name) => name === value || pattern.test(name);
  } catch {
    // Not an expression: Docker passes over it in the same way.
    return (name) => name === value;
  }
}

/** `key` or `key=value`. */
export function hasLabel(labels: Readonly<Record<string, string>>, label: string): boolean {
  const equals = label.indexOf('=');
  if (equals < 0) return Object.hasOwn(labels, label);
  const key = label.slice(0, equals);
  return Object.hasOwn(labels, key) && labels[key] === label.slice(equals + 1);
}

function relationTests(filters: Filters, lookups: Lookups): Test[] {
  return [
    ...forKey(filters, 'ancestor', (values) => {
      const ids = new Set(values.flatMap(lookups.imageIds));
      return ({ imageId }) => ids.has(imageId);
    }),
    ...forKey(filters, 'health', (values) => {
      for (const value of values)
        if (!healths.includes(value))
          throw new EngineError(
            'invalid',
            `invalid filter 'health=${value}': invalid value for health (${value}): must be one of ${healths.join(', ')}`,
          );
      return (container) => values.includes(lookups.health(container) ?? 'none');
    }),
    ...forKey(
      filters,
      'network',
      (values) =>
        ({ id }) =>
          lookups
            .networksOf(id)
            .some(({ networkId, networkName }) =>
              values.some((value) => value === networkName || (value !== '' && networkId.startsWith(value))),
            ),
    ),
    ...portTests(filters, lookups),
  ];
}

/** `expose` and `publish` together are joined by "or", as Docker has it. */
function portTests(filters: Filters, lookups: Lookups): Test[] {
  const published = (filters.get('publish') ?? []).map((value) => parsePortFilter('publish', value));
  const exposed = (filters.get('expose') ?? []).map((value) => parsePortFilter('expose', value));
  if (published.length + exposed.length === 0) return [];
  const covers = (ranges: readonly PortRange[], port: number, protocol: string): boolean =>
    ranges.some((range) => range.protocol === protocol && range.first <= port && port <= range.last);
  return [
    ({ id, config }) =>
      lookups
        .portsOf(id)
        .some(
          ({ protocol, containerPort, hostPort }) =>
            covers(published, hostPort, protocol) || covers(exposed, containerPort, protocol),
        ) ||
      config.exposedPorts.some((spec) => {
        const [port = '', protocol = 'tcp'] = spec.split('/');
        return covers(exposed, Number(port), protocol);
      }),
  ];
}

type PortRange = { readonly first: number; readonly last: number; readonly protocol: string };

function parsePortFilter(key: string, value: string): PortRange {
  if (value.includes(':')) throw new EngineError('invalid', `filter for '${key}' should not contain ':': ${value}`);
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(value);
  const first = Number(match?.[1] ?? Number.NaN);
  const last = Number(match?.[2] ?? match?.[1] ?? Number.NaN);
  if (!(first <= last && last <= 65535))
    throw new EngineError('invalid', `error while looking up for ${key} ${value}: invalid port range`);
  return { first, last, protocol: match?.[3]?.toLowerCase() ?? 'tcp' };
}
