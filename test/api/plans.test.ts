import { Database } from 'bun:sqlite';
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { copyFileSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RemovalPlanWire } from '@gantry/api';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';
import { makeImage, makeLayer, makeTar } from '../images/made-image.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
}, 60_000);
afterAll(() => engine[Symbol.asyncDispose](), 60_000);

const base = makeLayer(makeTar([{ kind: 'file', path: 'base', text: 'b'.repeat(3000) }]), 'plain');
const layerOf = (name: string) => makeLayer(makeTar([{ kind: 'file', path: name, text: name.repeat(100) }]), 'plain');

/** Loads an image of a shared layer and one of its own. */
async function load(tag: string, names: readonly string[] | null = [tag]): Promise<string> {
  const layers = [base, layerOf(tag)];
  const image = makeImage(layers);
  const config = `${image.config.digest.slice(7)}.json`;
  const manifest = [{ Config: config, RepoTags: names, Layers: ['0/layer.tar', '1/layer.tar'] }];
  const archive = makeTar([
    ...layers.map(({ bytes }, index) => ({
      kind: 'file' as const,
      path: `${index}/layer.tar`,
      text: Buffer.from(bytes).toString('latin1'),
    })),
    { kind: 'file', path: config, text: Buffer.from(image.config.bytes).toString() },
    { kind: 'file', path: 'manifest.json', text: JSON.stringify(manifest) },
  ]);
  await engine.output('docker', ['load', '-q'], { stdin: archive });
  return image.config.digest;
}

async function document<T>(method: string, path: string): Promise<T> {
  const reply = await engine.api(method, path);
  expect(reply.status).toBe(200);
  return JSON.parse(await reply.text()) as T;
}

/** The daemon holds its database alone, so what it says is read from a copy. */
function openCopy(): Database {
  const copy = join(engine.root, 'copy.db');
  for (const end of ['', '-wal']) {
    rmSync(`${copy}${end}`, { force: true });
    const original = join(engine.dataRoot, `gantry.db${end}`);
    if (existsSync(original)) copyFileSync(original, `${copy}${end}`);
  }
  return new Database(copy);
}

/** Every row of every table, every file with its size, every bridge: what a plan leaves as it is. */
function everything(): string {
  using database = openCopy();
  const tables = database.query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const rows = tables
    // What the disk has already: a thread writes that down in its own time.
    .filter(({ name }) => !['unsynced', 'durable', 'sqlite_sequence'].includes(name))
    .map(({ name }) => [name, database.query(`SELECT * FROM "${name}"`).values()]);
  const files = readdirSync(engine.dataRoot, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.startsWith('gantry.db'))
    .map((path) => `${path} ${statSync(join(engine.dataRoot, path), { throwIfNoEntry: false })?.size}`);
  const networks = database.query<{ id: string }, []>('SELECT id FROM network').all();
  const bridges = [engine.bridge, ...networks.map(({ id }) => `br-${id.slice(0, 12)}`)];
  const links = bridges.map((name) => [name, existsSync(`/sys/class/net/${name}`)]);
  return JSON.stringify([rows, files.sort(), links]);
}

/** Files whose rows are gone and that go in the background. */
function leavings(): string[] {
  using database = openCopy();
  const column =
    'SELECT dir AS name FROM snapshot UNION SELECT dir FROM active_snapshot UNION SELECT id FROM container';
  const owned = database.query<{ name: string }, []>(`${column} UNION SELECT name FROM volume`).all();
  const known = new Set(['empty', ...owned.map(({ name }) => name)]);
  const present = ['layers', 'containers', 'volumes'].flatMap((kind) => readdirSync(join(engine.dataRoot, kind)));
  return present.filter((name) => !known.has(name));
}

/** A plan, made sure that it changed nothing. */
async function plan<T>(method: string, path: string): Promise<T> {
  await waitFor('earlier removals are done', () => leavings().length === 0);
  const before = everything();
  const planned = await document<T>(method, `${path}${path.includes('?') ? '&' : '?'}plan=1`);
  expect(everything()).toBe(before);
  return planned;
}

const filters = (value: Readonly<Record<string, readonly string[]>>): string =>
  `filters=${encodeURIComponent(JSON.stringify(value))}`;

test.each([
  ['containers', ''],
  ['networks', ''],
  ['volumes', `?${filters({ all: ['1'] })}`],
  ['images', `?${filters({ dangling: ['false'], label: [] })}`],
] as const)('a plan to prune %s is what pruning answers, to the letter', async (kind, query) => {
  await load('one:1');
  await load('two:1', ['two:1', 'two:2', 'other:1']);
  await engine.output('docker', ['create', '--name', 'idle', '-v', 'kept:/kept', 'busybox', 'true']);
  await engine.output('docker', ['run', '--name', 'ended', '--network', 'none', 'busybox', 'sh', '-c', 'echo x >/f']);
  await engine.output('docker', ['network', 'create', '--subnet', engine.extraSubnet, `n-${kind}`]);
  await engine.output('docker', ['volume', 'create', 'loose']);
  const fill = ['-v', 'loose:/v', 'busybox', 'sh', '-c', 'echo abc >/v/f'];
  await engine.output('docker', ['run', '--rm', '--network', 'none', ...fill]);
  const planned = await plan<Record<string, unknown>>('POST', `/${kind}/prune${query}`);
  expect(Object.values(planned).some((value) => Array.isArray(value) && value.length > 0)).toBe(true);
  expect(planned).toEqual(await document<Record<string, unknown>>('POST', `/${kind}/prune${query}`));
  await engine.run('docker', ['rm', '-f', 'idle', 'ended']);
  await engine.run('docker', ['network', 'rm', `n-${kind}`]);
});

test('what goes with a container stands in its plan: anonymous volumes, its own layer, and layers that nobody else needs', async () => {
  const image = await load('gone:1');
  const id = await engine.output('docker', [
    'create',
    '--name',
    'gone',
    '-v',
    '/anonymous',
    '-v',
    'kept:/k',
    image,
    '/x',
  ]);
  await engine.output('docker', ['rmi', '-f', 'gone:1']);
  const planned = await plan<RemovalPlanWire>('DELETE', '/containers/gone?v=1');
  expect(planned.Containers).toEqual([{ Id: id, Name: 'gone' }]);
  expect(planned.Volumes).toHaveLength(1);
  expect((await plan<RemovalPlanWire>('DELETE', '/containers/gone')).Volumes).toEqual([]);
  const before = layerRows();
  const volumesBefore = await engine.output('docker', ['volume', 'ls', '-q']);
  expect((await engine.api('DELETE', '/containers/gone?v=1')).status).toBe(204);
  const lasting = (): string[] =>
    layerRows().filter((chain) => planned.Images.some(({ Deleted }) => Deleted === chain));
  await waitFor('its layers and files are gone', () => lasting().length === 0 && leavings().length === 0);
  const kept = layerRows();
  expect(planned.Images.map(({ Deleted }) => Deleted).sort()).toEqual(before.filter((c) => !kept.includes(c)).sort());
  const volumes = (await engine.output('docker', ['volume', 'ls', '-q'])).split('\n');
  expect(volumesBefore.split('\n').filter((name) => !volumes.includes(name))).toEqual([...planned.Volumes]);
});

function layerRows(): string[] {
  using database = openCopy();
  return database
    .query<{ chain_id: string }, []>('SELECT chain_id FROM snapshot')
    .all()
    .map((row) => row.chain_id);
}

test('a running container of --rm takes its volumes when it is removed by force, and the plan says so', async () => {
  const words = ['run', '-d', '--rm', '--name', 'auto', '--network', 'none', '-v', '/anonymous', 'busybox', 'top'];
  await engine.output('docker', words);
  const planned = await plan<RemovalPlanWire>('DELETE', '/containers/auto?force=1');
  expect(planned.Volumes).toHaveLength(1);
  await engine.output('docker', ['rm', '-f', 'auto']);
  expect(await engine.output('docker', ['volume', 'ls', '-q'])).not.toContain(planned.Volumes[0]);
});

test.each([
  ['a tag of many', ['a:1', 'a:2'], 'a:1', ''],
  ['the last tag', ['a:1'], 'a:1', ''],
  ['an ID with several repositories, by force', ['a:1', 'b:1'], undefined, '?force=1'],
] as const)('the plan of an image is what its removal answers: %s', async (...[, names, name, query]) => {
  const id = await load('images:1', names);
  const path = `/images/${name ?? id}${query}`;
  const planned = await plan<RemovalPlanWire>('DELETE', path);
  const real = await document<RemovalPlanWire['Images']>('DELETE', path);
  expect(planned.Images).toEqual(real);
  expect(planned.SpaceReclaimed > 0).toBe(real.some(({ Deleted }) => Deleted !== undefined));
  await engine.run('docker', ['rmi', '-f', id]);
});

test('of several names, each is planned as it stands once those before it are gone', async () => {
  await load('many:1', ['many:1', 'many:2']);
  await load('more:1');
  const names = ['many:1', 'none:1', 'many:2', 'more:1'];
  const before = everything();
  const planned = await engine.run('gantry', ['rmi', '--dry-run', ...names]);
  expect(everything()).toBe(before);
  const real = await engine.run('gantry', ['rmi', ...names]);
  expect([planned.exitCode, planned.stderr]).toEqual([real.exitCode, real.stderr]);
  const lines = planned.stdout.split('\n').filter((line) => !line.startsWith('Would reclaim'));
  const said = lines.map((line) => line.replace('Would untag', 'Untagged').replace('Would delete', 'Deleted'));
  expect(said.join('\n')).toBe(real.stdout);
});

test('a volume that two containers share goes with the second of them', async () => {
  await engine.output('docker', ['create', '--name', 'first', '-v', '/anonymous', 'busybox', 'true']);
  await engine.output('docker', ['create', '--name', 'second', '--volumes-from', 'first', 'busybox', 'true']);
  const [volume] = (await plan<RemovalPlanWire>('DELETE', '/containers/second?v=1&after=first')).Volumes;
  expect((await plan<RemovalPlanWire>('DELETE', '/containers/second?v=1')).Volumes).toEqual([]);
  const words = ['rm', '--volumes', 'first', 'none', 'second'];
  const planned = await engine.run('gantry', [...words, '--dry-run']);
  const real = await engine.run('gantry', words);
  expect([planned.exitCode, planned.stderr]).toEqual([real.exitCode, real.stderr]);
  expect(planned.stdout).toBe(
    ['first', 'second']
      .map(
        (name) =>
          `Would delete container: ${name}\n${name === 'second' ? `Would delete volume: ${volume}\n` : ''}Would reclaim: 0B\n`,
      )
      .join(''),
  );
  await waitFor(
    'its volume is gone',
    async () => !(await engine.output('docker', ['volume', 'ls', '-q'])).includes(`${volume}`),
  );
});

test('networks and volumes', async () => {
  await engine.output('docker', ['network', 'create', '--subnet', engine.extraSubnet, 'net']);
  await engine.output('docker', ['volume', 'create', 'vol']);
  const network = await plan<RemovalPlanWire>('DELETE', '/networks/net');
  expect(network.Networks.map(({ Name }) => Name)).toEqual(['net']);
  expect((await plan<RemovalPlanWire>('DELETE', '/volumes/vol')).Volumes).toEqual(['vol']);
  expect((await plan<RemovalPlanWire>('DELETE', '/volumes/none?force=1')).Volumes).toEqual([]);
  expect((await engine.api('DELETE', `/networks/${network.Networks[0]?.Id}`)).status).toBe(204);
  expect((await engine.api('DELETE', '/volumes/vol')).status).toBe(204);
});

test('a plan refuses what the real call refuses, in the same words', async () => {
  const words = ['run', '-d', '--name', 'up', '-v', 'held:/v', '--network', 'bridge', 'busybox', 'top'];
  await engine.output('docker', words);
  const refused = ['/containers/up', '/containers/none', '/images/busybox', '/images/none', '/networks/bridge'];
  for (const path of [...refused, '/networks/none-such', '/volumes/held', '/volumes/none', '/containers/up?link=1']) {
    const [planned, real] = await Promise.all([
      engine.api('DELETE', `${path}${path.includes('?') ? '&' : '?'}plan=1`),
      engine.api('DELETE', path),
    ]);
    expect([path, planned.status, await planned.text()]).toEqual([path, real.status, await real.text()]);
    expect(planned.status).toBeGreaterThanOrEqual(400);
  }
  await engine.output('docker', ['rm', '-f', 'up']);
});

test('a dry run of everything counts what only stopped containers used, as the real one does', async () => {
  await load('stopped:1');
  await engine.output('docker', ['network', 'create', '--subnet', engine.extraSubnet, 'behind']);
  await engine.output('docker', ['create', '--network', 'behind', '-v', '/anonymous', 'stopped:1', '/x']);
  const words = ['system', 'prune', '--all', '--volumes'];
  const before = everything();
  const planned = await engine.output('gantry', [...words, '--dry-run']);
  expect(everything()).toBe(before);
  const real = await engine.output('gantry', [...words, '--force']);
  expect(planned).toContain('Would delete Networks:\nbehind\n');
  expect(planned).toContain('untagged: stopped:1\n');
  expect(planned.replaceAll('Would delete', 'Deleted').replace('reclaimable', 'reclaimed')).toBe(real);
});

test('the command line says what would go, and asks for no confirmation', async () => {
  await load('say:1');
  await engine.output('docker', ['create', '--name', 'quiet', 'say:1', '/x']);
  await engine.output('docker', ['volume', 'create', 'vol']);
  const said = (...words: string[]): Promise<string> => engine.output('gantry', [...words, '--dry-run']);
  expect(await said('rm', 'quiet')).toBe('Would delete container: quiet\nWould reclaim: 0B');
  expect(await said('volume', 'rm', 'vol')).toBe('Would delete volume: vol\nWould reclaim: 0B');
  expect(await said('container', 'prune')).toMatch(
    /^Would delete Containers:\n[0-9a-f]{64}\n\nTotal reclaimable space: 0B$/,
  );
  const image = await engine.run('gantry', ['rmi', '--dry-run', 'say:1']);
  expect([image.exitCode, image.stderr]).toEqual([1, expect.stringContaining('(must force)')]);
  await engine.output('gantry', ['rm', 'quiet']);
  expect(await said('rmi', 'say:1')).toMatch(
    /^Would untag: say:1\nWould delete: sha256:\w+\n(Would delete: .*\n)+Would reclaim: /,
  );
  await engine.output('gantry', ['rmi', 'say:1']);
});

test('an engine that knows no plans is asked for none, since it would remove in earnest', async () => {
  const asked: string[] = [];
  const socket = join(engine.root, 'older.sock');
  await using _older = Bun.serve({
    unix: socket,
    fetch: (request) => {
      asked.push(`${request.method} ${new URL(request.url).pathname}`);
      return Response.json({
        Platform: { Name: 'Other' },
        Components: [{ Name: 'Engine', Version: '1', Details: {} }],
      });
    },
  });
  const refused = await engine.run('gantry', ['-H', `unix://${socket}`, 'rm', '--force', '--dry-run', 'web']);
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('would remove in earnest')]);
  expect(asked).toEqual(['GET /version']);
});
