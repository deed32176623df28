import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isEngineError } from '@gantry/base';
import { openDb } from '../db/index.ts';
import { sampleRecord } from './record-fixture.ts';
import { type ContainerStore, openContainerStore } from './store.ts';
import type { ContainerStatus } from './types.ts';

function openTemporary() {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-store-'));
  const path = join(directory, 'db.sqlite');
  const stack = new DisposableStack();
  stack.defer(() => rmSync(directory, { recursive: true }));
  const db = stack.use(openDb(path));
  return { db, path, store: openContainerStore(db), [Symbol.dispose]: () => stack.dispose() };
}

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (isEngineError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'nothing was refused';
}

const statuses: readonly ContainerStatus[] = [
  { kind: 'created' },
  { kind: 'created', failure: { exitCode: 127, error: 'no such file' } },
  { kind: 'running', pid: 42, startedAt: new Date(5), paused: true },
  { kind: 'restarting', exitCode: 3, startedAt: new Date(5), finishedAt: new Date(6) },
  { kind: 'removing' },
  { kind: 'exited', exitCode: 137, oomKilled: true, error: 'no', startedAt: undefined, finishedAt: new Date(7) },
  { kind: 'dead' },
];

test('every status reads the same after the database was opened again', () => {
  using opened = openTemporary();
  for (const [index, status] of statuses.entries()) opened.store.insert(sampleRecord(index, { status }));
  opened.db[Symbol.dispose]();
  using again = openDb(opened.path);
  expect(
    openContainerStore(again)
      .list()
      .toReversed()
      .map((record) => record.status),
  ).toEqual([...statuses]);
});

test('a container is found by ID, by name with and without slash, and by unique prefix', () => {
  using opened = openTemporary();
  const first = sampleRecord(0x1111, { name: 'web' });
  opened.store.insert(first);
  opened.store.insert(sampleRecord(0x1112));
  for (const ref of [first.id, 'web', '/web', '11111']) expect(opened.store.resolve(ref)).toEqual(first);
  expect(refusal(() => opened.store.resolve('111'))).toBe('invalid: multiple IDs found with provided prefix: 111');
  expect(refusal(() => opened.store.resolve('nope'))).toBe('not-found: No such container: nope');
});

test('a name that looks like the prefix of another ID wins over the prefix', () => {
  using opened = openTemporary();
  opened.store.insert(sampleRecord(0xabcd));
  opened.store.insert(sampleRecord(1, { name: 'abcd' }));
  expect(opened.store.resolve('abcd').name).toBe('abcd');
});

test('a taken name is a conflict that names its holder', () => {
  using opened = openTemporary();
  const holder = sampleRecord(1, { name: 'web' });
  opened.store.insert(holder);
  opened.store.insert(sampleRecord(2));
  const text = `conflict: Conflict. The container name "/web" is already in use by container "${holder.id}". You have to remove (or rename) that container to be able to reuse that name.`;
  expect(refusal(() => opened.store.insert(sampleRecord(3, { name: 'web' })))).toBe(text);
  expect(refusal(() => opened.store.rename(sampleRecord(2).id, 'web'))).toBe(text);
  opened.store.rename(holder.id, 'old');
  opened.store.rename(sampleRecord(2).id, 'web');
  expect(opened.store.resolve('web').id).toBe(sampleRecord(2).id);
});

test('what a rolled back transaction wrote was never there', () => {
  using opened = openTemporary();
  opened.store.insert(sampleRecord(1));
  const failing = (store: ContainerStore): void =>
    opened.db.tx(() => {
      store.rename(sampleRecord(1).id, 'renamed');
      store.insert(sampleRecord(2));
      throw new Error('full disk');
    });
  expect(() => failing(opened.store)).toThrow('full disk');
  expect(opened.store.list().map((record) => record.name)).toEqual(['box1']);
  expect(opened.store.findByName('renamed')).toBeUndefined();
  expect(() => failing(opened.store)).toThrow('full disk');
  opened.store.insert(sampleRecord(3));
  expect(opened.store.list().map((record) => record.name)).toEqual(['box3', 'box1']);
});

test('a deleted container is gone, also its name', () => {
  using opened = openTemporary();
  opened.store.insert(sampleRecord(1, { name: 'web' }));
  opened.store.delete(sampleRecord(1).id);
  opened.store.delete(sampleRecord(1).id);
  opened.store.insert(sampleRecord(2, { name: 'web' }));
  expect(opened.store.list()).toHaveLength(1);
});

test('a free name is found when the first choice is taken', () => {
  using opened = openTemporary();
  const first = opened.store.freeName(() => 0);
  expect(first).toBe('able_ammann');
  opened.store.insert(sampleRecord(1, { name: first }));
  expect(opened.store.freeName(() => 0)).toBe('able_ammann0');
});
