import { expect, test } from 'bun:test';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isEngineError } from '@gantry/base';
import { openDb } from '../db/index.ts';
import { openEvents } from '../events/index.ts';
import { openVolumes, volumeDirectory } from './index.ts';
import type { VolumeCreateRequest } from './types.ts';

function openTemporary() {
  const dataRoot = mkdtempSync(join(tmpdir(), 'gantry-volumes-'));
  const stack = new DisposableStack();
  stack.defer(() => rmSync(dataRoot, { recursive: true }));
  const db = stack.use(openDb(':memory:'));
  const clock = () => 1_700_000_000_000_000_000n;
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const events = openEvents({ db, clock });
  const volumes = openVolumes({ db, dataRoot, events, clock, random });
  return { db, dataRoot, events, volumes, [Symbol.dispose]: () => stack.dispose() };
}

const asked = (request: Partial<VolumeCreateRequest>): VolumeCreateRequest => ({
  name: '',
  driver: '',
  labels: {},
  options: {},
  ...request,
});

async function refusal(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (isEngineError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'nothing was refused';
}

const mode = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

test('a volume is an empty directory that others pass through but do not list', () => {
  using opened = openTemporary();
  const volume = opened.volumes.create(asked({ name: 'data', labels: { a: 'b' } }));
  expect(volume).toEqual({
    name: 'data',
    driver: 'local',
    mountpoint: join(opened.dataRoot, 'volumes/data/_data'),
    createdAt: new Date(1_700_000_000_000),
    labels: { a: 'b' },
    options: {},
    anonymous: false,
  });
  expect(opened.volumes.get('data')).toEqual(volume);
  expect(['volumes', 'volumes/data', 'volumes/data/_data'].map((path) => mode(join(opened.dataRoot, path)))).toEqual([
    '701',
    '701',
    '755',
  ]);
});

test('creating it again gives the same volume and keeps what is in it', () => {
  using opened = openTemporary();
  const { mountpoint } = opened.volumes.create(asked({ name: 'data' }));
  writeFileSync(join(mountpoint, 'kept'), 'x');
  expect(opened.volumes.create(asked({ name: 'data', labels: { new: 'label' } })).labels).toEqual({});
  expect(readdirSync(mountpoint)).toEqual(['kept']);
});

test('without a name a volume gets 64 digits and is anonymous', () => {
  using opened = openTemporary();
  const volume = opened.volumes.create(asked({}));
  expect(volume.name).toMatch(/^[0-9a-f]{64}$/);
  expect(volume.anonymous).toBe(true);
});

test.each<[Partial<VolumeCreateRequest>, string]>([
  [{ name: 'x' }, 'invalid: create x: volume name is too short, names should be at least two alphanumeric characters'],
  [
    { name: '../up' },
    'invalid: create ../up: "../up" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
  ],
  [{ name: 'ok', options: { odd: '1' } }, 'invalid: create ok: invalid option: "odd"'],
  [{ name: 'ok', options: { type: 'nfs' } }, 'invalid: create ok: missing required option: "device"'],
  [{ name: 'ok', driver: 'odd' }, 'not-found: create ok: error looking up volume plugin odd: plugin "odd" not found'],
])('the request %j is refused and leaves nothing', async (request, text) => {
  using opened = openTemporary();
  expect(await refusal(() => opened.volumes.create(asked(request)))).toBe(text);
  expect(readdirSync(join(opened.dataRoot, 'volumes'))).toEqual([]);
});

test('a volume in use is not removed; released, it is, with all its files', async () => {
  using opened = openTemporary();
  const { mountpoint } = opened.volumes.create(asked({ name: 'data' }));
  writeFileSync(join(mountpoint, 'file'), 'x');
  opened.volumes.hold('data', 'c1');
  opened.volumes.hold('data', 'c2');
  expect(await refusal(() => opened.volumes.remove('data', true))).toBe(
    'conflict: remove data: volume is in use - [c1, c2]',
  );
  opened.volumes.release('c1');
  opened.volumes.release('c2');
  await opened.volumes.remove('data', false);
  expect(readdirSync(join(opened.dataRoot, 'volumes'))).toEqual([]);
  expect(await refusal(() => opened.volumes.remove('data', false))).toBe('not-found: get data: no such volume');
  await opened.volumes.remove('data', true);
});

test('removing follows no link out of the volume', async () => {
  using opened = openTemporary();
  const outside = join(opened.dataRoot, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'canary'), 'x');
  const { mountpoint } = opened.volumes.create(asked({ name: 'data' }));
  symlinkSync(outside, join(mountpoint, 'link'));
  await opened.volumes.remove('data', false);
  expect(existsSync(join(outside, 'canary'))).toBe(true);
});

test('a volume of the same name may be made while the old one is still being removed', async () => {
  using opened = openTemporary();
  opened.volumes.create(asked({ name: 'data' }));
  const removed = opened.volumes.remove('data', false);
  const { mountpoint } = opened.volumes.create(asked({ name: 'data' }));
  writeFileSync(join(mountpoint, 'new'), 'x');
  await removed;
  expect(readdirSync(mountpoint)).toEqual(['new']);
});

test('usage counts each file once, links and all', async () => {
  using opened = openTemporary();
  const { mountpoint } = opened.volumes.create(asked({ name: 'data' }));
  mkdirSync(join(mountpoint, 'deep/er'), { recursive: true });
  writeFileSync(join(mountpoint, 'deep/er/a'), 'x'.repeat(1000));
  linkSync(join(mountpoint, 'deep/er/a'), join(mountpoint, 'b'));
  writeFileSync(join(mountpoint, 'c'), 'x'.repeat(24));
  expect(await opened.volumes.usage('data')).toBe(1024);
});

test('prune removes what matches and nobody holds', async () => {
  using opened = openTemporary();
  for (const name of ['held', 'kept', 'gone']) opened.volumes.create(asked({ name }));
  writeFileSync(join(opened.volumes.get('gone').mountpoint, 'file'), 'x'.repeat(10));
  opened.volumes.hold('held', 'c1');
  expect(await opened.volumes.prune((volume) => volume.name !== 'kept')).toEqual({
    deleted: ['gone'],
    reclaimedBytes: 10,
  });
  expect(opened.volumes.list().map((volume) => volume.name)).toEqual(['held', 'kept']);
});

test('a rolled back creation leaves no volume, and the sweep takes its directory', async () => {
  using opened = openTemporary();
  opened.volumes.create(asked({ name: 'kept' }));
  expect(() =>
    opened.db.tx(() => {
      opened.volumes.create(asked({ name: 'lost' }));
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(opened.volumes.find('lost')).toBeUndefined();
  rmSync(join(opened.dataRoot, 'volumes/kept'), { recursive: true });
  mkdirSync(join(opened.dataRoot, 'volumes/.removing-1234'));
  await opened.volumes.sweep();
  expect(readdirSync(join(opened.dataRoot, 'volumes'))).toEqual(['kept']);
  expect(existsSync(opened.volumes.get('kept').mountpoint)).toBe(true);
});

test('a bind volume stands for the directory it names; other types are refused by name', async () => {
  using opened = openTemporary();
  const make = (name: string, options: Record<string, string>) => opened.volumes.create(asked({ name, options }));
  expect(volumeDirectory(make('bound', { type: 'none', o: 'bind,ro', device: '/srv' }))).toEqual({
    path: '/srv',
    readOnly: true,
  });
  const nfs = make('far', { type: 'nfs', o: 'addr=10.0.0.1', device: ':/x' });
  expect(await refusal(() => volumeDirectory(nfs))).toBe(
    'unsupported: cannot mount volume "far": type "nfs" with options "addr=10.0.0.1" is not supported',
  );
});
