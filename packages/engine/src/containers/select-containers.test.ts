import { expect, test } from 'bun:test';
import { emptyConfig, sampleRecord } from './record-fixture.ts';
import { type ListOptions, type Lookups, selectContainers } from './select-containers.ts';
import type { ContainerStatus, MountPoint } from './types.ts';

const running: ContainerStatus = { kind: 'running', pid: 1, startedAt: new Date(1), paused: false };
const exited = (exitCode: number): ContainerStatus => ({
  kind: 'exited',
  exitCode,
  oomKilled: false,
  error: '',
  startedAt: new Date(1),
  finishedAt: new Date(2),
});
const volume: MountPoint = {
  type: 'volume',
  name: 'data',
  source: '/v/data/_data',
  destination: '/srv',
  driver: 'local',
  mode: '',
  writable: true,
  propagation: '',
  subpath: '',
  recursive: true,
  copyUp: false,
  tmpfsOptions: [],
};

/** Newest first, as the store lists them. */
const containers = [
  sampleRecord(6, { name: 'db', status: { ...running, paused: true }, mountPoints: [volume] }),
  sampleRecord(5, {
    name: 'web',
    status: running,
    config: { ...emptyConfig, labels: { tier: 'front', a: '' }, exposedPorts: ['80/tcp', '53/udp'] },
  }),
  sampleRecord(4, {
    name: 'web-2',
    status: { kind: 'restarting', exitCode: 1, startedAt: new Date(1), finishedAt: new Date(2) },
  }),
  sampleRecord(3, { name: 'old', status: exited(0), imageId: 'sha256:other' }),
  sampleRecord(2, { name: 'broken', status: exited(137) }),
  sampleRecord(1, { name: 'fresh' }),
];

const lookups: Lookups = {
  networksOf: (id) => (id === containers[1]?.id ? [{ networkId: 'feedbeef', networkName: 'back' }] : []),
  portsOf: (id) => (id === containers[1]?.id ? [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }] : []),
  imageIds: (reference) => (reference === 'other' ? ['sha256:other'] : []),
  health: (container) => (container.name === 'web' ? 'healthy' : undefined),
};

const select = (filters: Record<string, string[]>, options: Partial<ListOptions> = {}): string =>
  selectContainers(containers, { all: true, limit: 0, filters: new Map(Object.entries(filters)), ...options }, lookups)
    .map((container) => container.name)
    .join(' ');

test('without -a only what runs is shown, paused and restarting included', () => {
  expect(select({}, { all: false })).toBe('db web web-2');
  expect(select({})).toBe('db web web-2 old broken fresh');
});

test('a limit counts what does not run too', () => {
  expect(select({}, { all: false, limit: 4 })).toBe('db web web-2 old');
  expect(select({ status: ['exited'] }, { limit: 1 })).toBe('old');
});

test.each<[Record<string, string[]>, string]>([
  [{ name: ['web'] }, 'web web-2'],
  [{ name: ['^web$'] }, 'web'],
  [{ name: ['^/web$'] }, 'web'],
  [{ name: ['db', 'old'] }, 'db old'],
  [{ name: ['*'] }, ''],
  [{ id: ['0005'] }, 'web'],
  [{ id: ['x'] }, ''],
  [{ status: ['paused'] }, 'db'],
  [{ status: ['running'] }, 'web'],
  [{ status: ['created', 'exited'] }, 'old broken fresh'],
  [{ exited: ['137'] }, 'broken'],
  [{ exited: ['0'] }, 'old'],
  [{ label: ['tier'] }, 'web'],
  [{ label: ['tier=front', 'a'] }, 'web'],
  [{ label: ['tier=back'] }, ''],
  [{ label: ['toString'] }, ''],
  [{ ancestor: ['other'] }, 'old'],
  [{ ancestor: ['unknown'] }, ''],
  [{ before: ['old'] }, 'broken fresh'],
  [{ since: ['old'] }, 'db web web-2'],
  [{ since: ['broken'], before: ['db'] }, 'web web-2 old'],
  [{ volume: ['data'] }, 'db'],
  [{ volume: ['/srv'] }, 'db'],
  [{ volume: ['/v/data/_data'] }, ''],
  [{ network: ['back'] }, 'web'],
  [{ network: ['feed'] }, 'web'],
  [{ publish: ['8080'] }, 'web'],
  [{ publish: ['8000-9000/tcp'] }, 'web'],
  [{ publish: ['80'] }, ''],
  [{ expose: ['80'] }, 'web'],
  [{ expose: ['53/udp'] }, 'web'],
  [{ expose: ['53'] }, ''],
  [{ health: ['healthy'] }, 'web'],
  [{ health: ['none'], status: ['running'] }, ''],
  [{ 'is-task': ['true'] }, ''],
  [{ 'is-task': ['false'], name: ['db'] }, 'db'],
  [{ name: ['web'], status: ['running'] }, 'web'],
])('the filters %j show "%s"', (filters, names) => {
  expect(select(filters)).toBe(names);
});

test('a status filter shows what does not run without -a', () => {
  expect(select({ status: ['exited'] }, { all: false })).toBe('old broken');
});

test.each<[Record<string, string[]>, string]>([
  [{ odd: ['x'] }, "invalid filter 'odd'"],
  [
    { status: ['odd'] },
    "invalid filter 'status=odd': invalid value for state (odd): must be one of created, running, paused, restarting, removing, exited, dead",
  ],
  [{ exited: ['x'] }, `invalid filter 'exited=x': strconv.Atoi: parsing "x": invalid syntax`],
  [{ before: ['nope'] }, 'No such container: nope'],
  [{ publish: ['80:80'] }, "filter for 'publish' should not contain ':': 80:80"],
  [{ health: ['ill'] }, "invalid filter 'health=ill'"],
])('the filters %j are refused', (filters, text) => {
  expect(() => select(filters)).toThrow(text);
});
