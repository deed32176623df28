import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDb } from '../../packages/engine/src/db/index.ts';
import { type Durability, openDurability, syncInThread } from '../../packages/engine/src/durability/index.ts';

type Opened = Disposable & { readonly durability: Durability; readonly reports: readonly string[] };

/** @param before what comes before the real sync of the room's own directory */
function openRoom(before: () => Promise<void>): Opened {
  using undo = new DisposableStack();
  const root = mkdtempSync(join(tmpdir(), 'gantry-durability-'));
  undo.defer(() => rmSync(root, { recursive: true }));
  const db = undo.use(openDb(join(root, 'gantry.db')));
  const reports: string[] = [];
  const durability = openDurability({
    db,
    bootId: 'one boot',
    now: () => new Date(),
    sync: async () => {
      await before();
      await syncInThread(root);
    },
    report: (what, error) => reports.push(`${what}: ${error}`),
  });
  durability.settle();
  const life = undo.move();
  return { durability, reports, [Symbol.dispose]: () => life.dispose() };
}

test('what is noted while the disk is busy stays noted, the same name too', async () => {
  const [begun, mayGoOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  using room = openRoom(() => {
    begun.resolve();
    return mayGoOn.promise;
  });
  room.durability.note({ kind: 'layer', name: 'a' });
  const ending = room.durability[Symbol.asyncDispose]();
  await begun.promise;
  room.durability.note({ kind: 'layer', name: 'a' });
  room.durability.note({ kind: 'blob', name: 'b' });
  mayGoOn.resolve();
  await ending;
  expect(room.durability.pending()).toBe(2);
});

test('a disk that fails leaves the notes, and says so', async () => {
  using room = openRoom(() => Promise.reject(new Error('broken on purpose')));
  room.durability.note({ kind: 'layer', name: 'a' });
  await room.durability[Symbol.asyncDispose]();
  expect(room.durability.pending()).toBe(1);
  expect(room.reports).toEqual(['sync of the data root: Error: broken on purpose']);
});

test('a stop waits for a disk that hangs for seconds, not for ever', async () => {
  using room = openRoom(() => Promise.withResolvers<void>().promise);
  room.durability.note({ kind: 'layer', name: 'a' });
  await room.durability[Symbol.asyncDispose]();
  expect(room.durability.pending()).toBe(1);
}, 60_000);
