import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LocalRegistry, startLocalRegistry } from '../../tools/local-registry.ts';
import { busyboxRootTar } from '../harness/busybox-image.ts';
import { commandOutput } from '../harness/command.ts';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { makeImage, makeLayer, makeTar, pushImage } from '../images/made-image.ts';

setDefaultTimeout(60_000);

/** `system df` counts apparent sizes of files, each inode once and directories not, as Docker does: so does this. */
async function measured(...paths: readonly string[]): Promise<number> {
  const script = 'find "$@" ! -type d -printf "%D:%i %s\\n" | sort -u | awk \'{ sum += $2 } END { print sum + 0 }\'';
  return Number(await commandOutput(['sh', '-ec', script, 'sh', ...paths]));
}

let engine: TestEngine;
let registry: LocalRegistry;

beforeAll(async () => {
  engine = await startEngine();
  registry = await startLocalRegistry(`${engine.root}/registry`);
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

const docker = (...argv: string[]): Promise<string> => engine.output('docker', argv);
const below = (...path: string[]): string => join(engine.dataRoot, ...path);

type Usage = {
  LayersSize: number;
  Images: readonly { RepoTags: readonly string[]; Size: number; SharedSize: number; Containers: number }[];
  Containers: readonly { SizeRw?: number }[];
  Volumes: readonly { Name: string; UsageData: { Size: number } }[];
};
const usage = async (): Promise<Usage> => JSON.parse(await (await engine.api('GET', '/system/df')).text());

/** Layers with all that makes counting hard. */
const base = makeLayer(
  makeTar([
    { kind: 'directory', path: 'd' },
    { kind: 'file', path: 'd/file', text: 'x'.repeat(5000) },
    { kind: 'hardlink', path: 'd/again', linkPath: 'd/file' },
    { kind: 'symlink', path: 'link', linkPath: 'd/file' },
  ]),
);
const twice = makeLayer(
  makeTar([
    { kind: 'file', path: 'same', text: 'y'.repeat(7000) },
    { kind: 'file', path: 'same', text: 'z'.repeat(300) },
    { kind: 'file', path: 'd/.wh.again', text: '' },
    { kind: 'directory', path: 'e' },
    { kind: 'file', path: 'e/inside', text: 'e'.repeat(900) },
    { kind: 'symlink', path: 'e', linkPath: 'd' },
  ]),
);
const other = makeLayer(makeTar([{ kind: 'file', path: 'other', text: 'o'.repeat(11_000) }]), 'plain');

test('images take what their layers and blobs take on the disk, what they share once', async () => {
  const repository = `http://${registry.host}/v2/app`;
  await pushImage(repository, '1', makeImage([base, twice]));
  await pushImage(repository, '2', makeImage([base, other]));
  for (const tag of ['1', '2']) await docker('pull', '-q', `${registry.host}/app:${tag}`);
  const before = await usage();
  const onDisk = await measured(below('layers'), below('blobs'));
  expect(before.LayersSize).toBe(onDisk);
  // What a cancelled pull left counts as long as it is there.
  writeFileSync(below('ingest', `${'0'.repeat(64)}.partial`), Buffer.alloc(12_345));
  expect((await usage()).LayersSize).toBe(await measured(below('layers'), below('blobs'), below('ingest')));
  for (const flags of [['--dry-run'], ['--force']])
    expect(await engine.output('gantry', ['image', 'prune', ...flags])).toMatch(/^Total recla\w+ space: 12\.35kB$/);
  expect((await usage()).LayersSize).toBe(onDisk);
  const shared = base.bytes.length + 5000 + 'd/file'.length;
  const apps = before.Images.filter(({ RepoTags }) => RepoTags.some((tag) => tag.includes('/app:')));
  expect(apps.map(({ SharedSize }) => SharedSize)).toEqual([shared, shared]);
  const unique = before.Images.reduce((sum, { Size, SharedSize }) => sum + Size - SharedSize, 0);
  expect(unique + shared).toBe(onDisk);
  expect((await engine.run('gantry', ['system', 'fsck', '--verify'])).exitCode).toBe(0);

  const pruned: { SpaceReclaimed: number } = JSON.parse(
    await (await engine.api('POST', `/images/prune?filters=${encodeURIComponent('{"dangling":["false"]}')}`)).text(),
  );
  expect(pruned.SpaceReclaimed).toBe(onDisk);
  expect((await usage()).LayersSize).toBe(0);
  expect(await measured(below('layers'), below('blobs'))).toBe(0);
});

/** Holes, hard links, links, what is hidden, and what was replaced. */
const write =
  'mkdir -p $0/a/b; dd if=/dev/zero of=$0/a/file bs=1000 count=30 2>/dev/null; ln $0/a/file $0/a/b/again; ' +
  'truncate -s 10000000 $0/a/hole; ln -s /nowhere $0/a/link; mkfifo $0/a/pipe';

/** Docker Engine 28 answers so: layers alone count here, `shared-size` is heard from 1.42 on, `Containers` from 1.51. */
test('a list tells shared sizes and containers to whom asks, from the version that has them', async () => {
  const repository = `http://${registry.host}/v2/shares`;
  await pushImage(repository, '1', makeImage([base, twice]));
  await pushImage(repository, '2', makeImage([base, other]));
  for (const tag of ['1', '2']) await docker('pull', '-q', `${registry.host}/shares:${tag}`);
  await docker('create', `${registry.host}/shares:1`, 'x');
  const list = async (path: string): Promise<readonly (readonly number[])[]> => {
    const rows: Usage['Images'] = JSON.parse(await (await engine.api('GET', path)).text());
    return rows
      .filter(({ RepoTags }) => RepoTags.some((tag) => tag.includes('/shares:')))
      .sort((one, two) => String(one.RepoTags).localeCompare(String(two.RepoTags)))
      .map(({ SharedSize, Containers }) => [SharedSize, Containers]);
  };
  const shared = 5000 + 'd/file'.length;
  expect(await list('/v1.51/images/json')).toEqual([
    [-1, 1],
    [-1, 0],
  ]);
  expect(await list('/v1.51/images/json?shared-size=1')).toEqual([
    [shared, 1],
    [shared, 0],
  ]);
  expect(await list('/v1.42/images/json?shared-size=1')).toEqual([
    [shared, -1],
    [shared, -1],
  ]);
  expect(await list('/v1.41/images/json?shared-size=1')).toEqual([
    [-1, -1],
    [-1, -1],
  ]);
});

test('containers and volumes take what they wrote', async () => {
  await docker('import', await busyboxRootTar(), 'busybox');
  await docker('run', '--name', 'writer', 'busybox', 'sh', '-c', `${write}; rm -r /var; chmod 700 /bin/busybox`, '/');
  await docker('run', '--rm', '-v', 'full:/data', 'busybox', 'sh', '-c', write, '/data');
  const upper = readdirSync(below('layers')).find((name) => existsSync(below('layers', name, 'fs/a/hole'))) ?? '';
  const { Containers, Volumes } = await usage();
  const [container, volume] = [await measured(below('layers', upper)), await measured(below('volumes', 'full'))];
  expect(volume).toBe(30_000 + 10_000_000 + '/nowhere'.length);
  expect(container).toBeGreaterThan(volume);
  expect(Containers.map(({ SizeRw }) => SizeRw)).toEqual([container]);
  expect(Volumes.map(({ UsageData }) => UsageData.Size)).toEqual([volume]);
});
