import { Database } from 'bun:sqlite';
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalRegistry, startLocalRegistry } from '../../tools/local-registry.ts';
import { uploadImage } from '../../tools/upload-image.ts';
import { busyboxLayer } from '../harness/busybox-image.ts';
import { commandOutput } from '../harness/command.ts';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type ImageRooms, openImageRooms } from '../images/image-rooms.ts';
import { makeTar } from '../images/made-image.ts';

setDefaultTimeout(60_000);

/** What a machine leaves when its power fails, and what the next daemon makes of it. */

const never = new AbortController().signal;

async function importFile(rooms: ImageRooms, name: string): Promise<void> {
  async function* archive(): AsyncGenerator<Uint8Array> {
    yield makeTar([{ kind: 'file', path: 'file', text: `of ${name}\n` }]);
  }
  const request = { archive: archive(), reference: name, message: '', changes: [], platform: '' };
  await rooms.images.import(request, () => undefined, never);
}

function openDirectory(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'gantry-power-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function openSettled(root: string): ImageRooms {
  const rooms = openImageRooms(root, {}, { bootId: 'one boot' });
  rooms.durability.settle();
  return rooms;
}

/** A copy of a data root as it is at this moment, with the database's log. */
function copyRoot(from: string, to: string): string {
  cpSync(from, to, { recursive: true, preserveTimestamps: true });
  return to;
}

async function recover(rooms: ImageRooms): Promise<readonly string[]> {
  await rooms.images.recover();
  rooms.durability.settle();
  return rooms.images.list().flatMap(({ tags }) => tags);
}

const fileOf = (rooms: ImageRooms, name: string): string => join(rooms.layerPaths(name)[0] ?? '', 'file');

test('after a power cut an image that was synced is whole, and one that was not is gone with a word', async () => {
  using directory = openDirectory();
  const root = join(directory.path, 'before');
  using before = openSettled(root);
  await importFile(before, 'first');
  await before.durability[Symbol.asyncDispose]();
  expect(before.durability.pending()).toBe(0);
  await importFile(before, 'second');
  const after = copyRoot(root, join(directory.path, 'after'));
  truncateSync(join(after, fileOf(before, 'second').slice(root.length)));

  using next = openImageRooms(after, {}, { bootId: 'another boot' });
  expect(await recover(next)).toEqual(['first:latest']);
  expect(readFileSync(fileOf(next, 'first'), 'utf8')).toBe('of first\n');
  expect(next.warnings).toEqual([
    expect.stringMatching(
      /^image second:latest was removed: the machine stopped before it was on the disk \(all until 20\S+Z is\); load, import/,
    ),
  ]);
  expect(next.leftovers().length).toBe(2);
  await importFile(next, 'second');
  expect(readFileSync(fileOf(next, 'second'), 'utf8')).toBe('of second\n');
});

test('after a killed daemon on the same boot everything is trusted, since the kernel has it', async () => {
  using directory = openDirectory();
  const root = join(directory.path, 'before');
  using before = openSettled(root);
  await importFile(before, 'first');
  const after = copyRoot(root, join(directory.path, 'after'));
  using next = openImageRooms(after, {}, { bootId: 'one boot' });
  expect(await recover(next)).toEqual(['first:latest']);
  expect(next.warnings).toEqual([]);
  expect(next.durability.pending()).toBe(2);
});

test('when a daemon dies while it removes what it does not trust, the next one does it', async () => {
  using directory = openDirectory();
  const root = join(directory.path, 'before');
  using before = openSettled(root);
  await importFile(before, 'first');
  const after = copyRoot(root, join(directory.path, 'after'));
  {
    using dies = openImageRooms(after, {}, { bootId: 'another boot' });
    expect(dies.durability.interrupted).toBeDefined();
  }
  using next = openImageRooms(after, {}, { bootId: 'another boot' });
  expect(await recover(next)).toEqual([]);
  expect(next.leftovers()).toEqual([]);
});

test('rows of a removed image that come back without their files are dropped', async () => {
  using directory = openDirectory();
  const root = join(directory.path, 'before');
  using before = openSettled(root);
  await importFile(before, 'first');
  await importFile(before, 'second');
  await before.durability[Symbol.asyncDispose]();
  const after = copyRoot(root, join(directory.path, 'after'));
  // The disk has the removal of the files, and the database as it was before.
  const layer = fileOf(before, 'second').slice(root.length).split('/').slice(0, 3).join('/');
  rmSync(join(after, layer), { recursive: true });
  using next = openImageRooms(after, {}, { bootId: 'another boot' });
  expect(await recover(next)).toEqual(['first:latest']);
  expect(next.leftovers().length).toBe(2);
});

let engine: TestEngine;
let registry: LocalRegistry;
const image = (): string => `${registry.host}/small:1`;
const docker = (...argv: string[]): Promise<string> => engine.output('docker', argv);

beforeAll(async () => {
  engine = await startEngine({ busybox: false });
  registry = await startLocalRegistry(`${engine.root}/registry`);
  const layers = [await busyboxLayer()];
  await uploadImage({ registry: registry.host, repository: 'small', tag: '1', layers, config: { Cmd: ['true'] } });
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

type Report = { Unsynced: number; Findings: readonly { Kind: string; Name: string; Problem: string }[] };
const report = async (): Promise<Report> => JSON.parse(await (await engine.api('GET', '/system/fsck')).text());

function changeRows(dataRoot: string, change: (db: Database) => void): void {
  using db = new Database(join(dataRoot, 'gantry.db'));
  change(db);
}

/** The machine's run that the rows are from is over. */
const markRebooted = (db: Database): void => {
  db.run("UPDATE durable SET boot_id = 'an earlier one'");
};

test('an image is synced in the background soon after its pull, and a stop syncs what is left', async () => {
  await docker('pull', '-q', image());
  await waitFor('the image is on the disk', async () => (await report()).Unsynced === 0, 50_000);
  await docker('tag', image(), 'kept:1');
  await engine.stop();
  changeRows(engine.dataRoot, (db) => {
    expect(db.query('SELECT count(*) AS count FROM unsynced').get()).toEqual({ count: 0 });
    markRebooted(db);
  });
  await engine.start();
  expect(await docker('run', '--rm', 'kept:1', 'echo', 'whole')).toBe('whole');
  expect((await report()).Findings).toEqual([]);
});

test('a container on a layer that was lost is refused with the way back, and a pull brings it back with its data', async () => {
  await docker('pull', '-q', image());
  await docker('run', '--name', 'writer', image(), 'sh', '-c', 'cat /mine 2>/dev/null || echo precious > /mine');
  await engine.kill9();
  changeRows(engine.dataRoot, (db) => {
    const { chain_id } = db.query<{ chain_id: string }, []>('SELECT chain_id FROM active_snapshot').get() ?? {};
    db.query("INSERT INTO unsynced (kind, name) VALUES ('layer', ?)").run(chain_id ?? '');
    markRebooted(db);
  });
  await engine.start();
  expect(engine.log()).toContain(`was removed: the machine stopped before it was on the disk`);
  expect(engine.log()).toContain(`get it back with: pull ${image()}`);
  const refused = await engine.run('docker', ['start', 'writer']);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain('is not on the disk');
  expect((await report()).Findings.map(({ Kind, Name }) => `${Kind} ${Name}`)).toEqual(['container writer']);
  await docker('pull', '-q', image());
  expect((await report()).Findings).toEqual([]);
  expect(await docker('start', '-a', 'writer')).toBe('precious');
  await docker('rm', 'writer');
});

test('a volume whose row did not come to the disk keeps its data', async () => {
  await docker('run', '--rm', '-v', 'ledger:/data', image(), 'sh', '-c', 'echo 42 > /data/sum');
  await engine.kill9();
  changeRows(engine.dataRoot, (db) => {
    db.run("DELETE FROM volume WHERE name = 'ledger'");
    markRebooted(db);
  });
  await engine.start();
  expect(await docker('run', '--rm', '-v', 'ledger:/data', image(), 'cat', '/data/sum')).toBe('42');
  expect(engine.log()).toContain('volume ledger had lost its row');
  await docker('volume', 'rm', 'ledger');
});

test('a database that was lost takes no volume with it', async () => {
  await docker('run', '--rm', '-v', 'ledger:/data', image(), 'sh', '-c', 'echo 43 > /data/sum');
  await engine.stop();
  rmSync(join(engine.dataRoot, 'gantry.db'));
  await engine.start();
  await docker('pull', '-q', image());
  expect(await docker('run', '--rm', '-v', 'ledger:/data', image(), 'cat', '/data/sum')).toBe('43');
  await docker('volume', 'rm', 'ledger');
});

/** An ext4 in a file, mounted at `path`. */
async function mountDisk(file: string, path: string): Promise<AsyncDisposable> {
  await commandOutput(['mkdir', '-p', path]);
  await commandOutput(['mount', '-o', 'loop', file, path]);
  return {
    [Symbol.asyncDispose]: async () => {
      await commandOutput(['umount', path]);
    },
  };
}

test('on a real disk: what was not written out when the power failed is gone, and what was synced runs', async () => {
  using directory = openDirectory();
  const [disk, cut, path] = ['disk', 'cut', 'mount'].map((name) => join(directory.path, name)) as [
    string,
    string,
    string,
  ];
  await commandOutput(['truncate', '-s', '256M', disk]);
  await commandOutput(['mkfs.ext4', '-q', disk]);
  {
    await using _mounted = await mountDisk(disk, path);
    await using first = await startEngine({ parent: path });
    const unsynced = async (): Promise<boolean> =>
      (JSON.parse(await (await first.api('GET', '/system/fsck')).text()) as Report).Unsynced === 0;
    await waitFor('busybox is on the disk', unsynced, 50_000);
    writeFileSync(
      join(directory.path, 'late.tar'),
      makeTar([{ kind: 'file', path: 'late', text: 'x'.repeat(100_000) }]),
    );
    await first.output('docker', ['import', join(directory.path, 'late.tar'), 'late:1']);
    await first.kill9();
    // The worst case: the rows are on the disk, and what they speak of is not.
    await commandOutput(['sync', join(first.dataRoot, 'gantry.db-wal')]);
    // What a device has at this moment is what its file says: the rest is in the kernel's memory, and would be lost.
    await commandOutput(['cp', '--sparse=always', disk, cut]);
  }
  await using _mounted = await mountDisk(cut, path);
  const [name = ''] = readdirSync(path).filter((entry) => entry.startsWith('gantry-test-'));
  const dataRoot = join(path, name, 'data');
  let lateIsNoted = false;
  changeRows(dataRoot, (db) => {
    markRebooted(db);
    lateIsNoted = db.query('SELECT 1 FROM unsynced').get() !== null;
    expect(db.query('SELECT count(*) AS count FROM image').get()).toEqual({ count: 2 });
  });
  using rooms = openImageRooms(dataRoot, {}, { bootId: 'another boot' });
  // The engine may have been faster than its end: then it is whole.
  expect(await recover(rooms)).toEqual(lateIsNoted ? ['busybox:latest'] : ['late:1', 'busybox:latest']);
  expect(await rooms.snapshots.damaged({ reads: true }, never)).toEqual([]);
  expect(await rooms.content.damaged({ reads: true }, never)).toEqual([]);
});
