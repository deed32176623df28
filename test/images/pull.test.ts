import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalRegistry, startLocalRegistry } from '../../tools/local-registry.ts';
import { openImageRooms } from './image-rooms.ts';
import {
  jsonBlob,
  type MadeImage,
  makeImage,
  makeIndex,
  makeLayer,
  makeTar,
  pushBlob,
  pushImage,
  pushManifest,
  sha256,
} from './made-image.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

let registry: LocalRegistry;
let storage: string;
const repository = (name: string): string => `http://${registry.host}/v2/${name}`;
const reference = (name: string): string => `${registry.host}/${name}`;
const short = (digest: string): string => digest.slice('sha256:'.length, 'sha256:'.length + 12);

beforeAll(async () => {
  storage = mkdtempSync(join(tmpdir(), 'gantry-registry-'));
  registry = await startLocalRegistry(storage);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(storage, { recursive: true });
});

const base = makeLayer(
  makeTar([
    { kind: 'directory', path: 'etc/', mode: 0o755 },
    { kind: 'file', path: 'etc/name', text: 'base\n' },
  ]),
);
const upper = makeLayer(
  makeTar([
    { kind: 'file', path: 'etc/.wh.name', text: '' },
    { kind: 'file', path: 'new', text: 'new\n' },
  ]),
  'zstd',
);
const plain = makeLayer(makeTar([{ kind: 'file', path: 'plain', text: 'p' }]), 'plain');

test('an image is pulled with the lines that Docker prints, and a second pull finds it up to date', async () => {
  using rooms = openImageRooms();
  const image = makeImage([base, upper, plain], { config: { Cmd: ['sh'], Labels: { a: 'b' } } });
  await pushImage(repository('app'), 'v1', image);
  const lines = await rooms.pull(reference('app:v1'));
  const of = (digest: string): string[] =>
    lines
      .filter((line) => line.startsWith(short(digest)) && !/Downloading|Extracting/.test(line))
      .map((line) => line.slice(14));
  for (const { digest } of [base, upper, plain])
    expect(of(digest)).toEqual(['Pulling fs layer', 'Verifying Checksum', 'Download complete', 'Pull complete']);
  expect(lines[0]).toBe('v1: Pulling from app');
  expect(lines.slice(-2)).toEqual([
    `Digest: ${image.manifest.digest}`,
    `Status: Downloaded newer image for ${reference('app:v1')}`,
  ]);
  expect(await rooms.pull(reference('app:v1'))).toEqual([
    'v1: Pulling from app',
    `Digest: ${image.manifest.digest}`,
    `Status: Image is up to date for ${reference('app:v1')}`,
  ]);
  const record = rooms.images.get(reference('app:v1'));
  expect(record.id).toBe(image.config.digest);
  expect(record.tags).toEqual([reference('app:v1')]);
  expect(record.digests).toEqual([`${reference('app')}@${image.manifest.digest}`]);
  expect(record.sizeBytes).toBe('base\n'.length + 'new\n'.length + 1);
  expect(rooms.events).toEqual([`pull ${reference('app:v1')}`, `pull ${reference('app:v1')}`]);
});

test('each layer is a tree of its own, with whiteouts as overlayfs reads them', async () => {
  using rooms = openImageRooms();
  await pushImage(repository('tree'), 'latest', makeImage([base, upper]));
  await rooms.pull(reference('tree'));
  const [low = '', high = ''] = rooms.layerPaths(reference('tree'));
  expect(readFileSync(join(low, 'etc/name'), 'utf8')).toBe('base\n');
  const whiteout = lstatSync(join(high, 'etc/name'));
  expect([whiteout.isCharacterDevice(), whiteout.rdev]).toEqual([true, 0]);
});

test('a directory that a layer only implies keeps the owner and mode of the layer below', async () => {
  using rooms = openImageRooms();
  const low = makeLayer(
    makeTar([
      { kind: 'directory', path: './', mode: 0o711 },
      { kind: 'directory', path: 'tmp/', mode: 0o1777, uid: 5, modified: { seconds: 7, nanoseconds: 0 } },
    ]),
  );
  const high = makeLayer(makeTar([{ kind: 'file', path: 'tmp/x', text: 'x' }]));
  await pushImage(repository('implied'), 'latest', makeImage([low, high]));
  await rooms.pull(reference('implied'));
  const [, top = ''] = rooms.layerPaths(reference('implied'));
  const { mode, uid, mtimeMs } = lstatSync(join(top, 'tmp'));
  expect([mode & 0o7777, uid, mtimeMs, lstatSync(top).mode & 0o7777]).toEqual([0o1777, 5, 7000, 0o711]);
});

test('a layer that another image brought already exists', async () => {
  using rooms = openImageRooms();
  await pushImage(repository('one'), 'latest', makeImage([base]));
  await pushImage(repository('two'), 'latest', makeImage([base, plain]));
  await rooms.pull(reference('one'));
  const lines = await rooms.pull(reference('two'));
  expect(lines).toContain(`${short(base.digest)}: Already exists`);
  expect(lines).toContain(`${short(plain.digest)}: Pull complete`);
});

test('pulls of the same image at the same time share one download and leave no holds', async () => {
  using rooms = openImageRooms();
  await pushImage(repository('shared'), 'latest', makeImage([base, upper, plain]));
  await Promise.all([1, 2, 3, 4].map(() => rooms.pull(reference('shared'))));
  expect(rooms.leftovers().filter((name) => name.startsWith('layers/')).length).toBe(3);
  await rooms.images.remove(reference('shared'), { force: false, platforms: [] }, () => []);
  expect(rooms.leftovers()).toEqual([]);
});

test('an index gives the image of the asked platform, and names those it has for another', async () => {
  using rooms = openImageRooms();
  const images: readonly { image: MadeImage; platform: Readonly<Record<string, string>> }[] = [
    { image: makeImage([base], { architecture: 'amd64' }), platform: { os: 'linux', architecture: 'amd64' } },
    {
      image: makeImage([plain], { architecture: 'arm', variant: 'v7' }),
      platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
    },
    {
      image: makeImage([upper], { architecture: 'arm64' }),
      platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
    },
  ];
  for (const { image } of images) {
    await pushImage(repository('multi'), short(image.config.digest), image);
  }
  const index = makeIndex(images);
  await pushManifest(repository('multi'), 'latest', index);
  const lines = await rooms.pull(reference('multi'), { platform: 'linux/arm/v7' });
  expect(lines).toContain(`Digest: ${index.digest}`);
  expect(rooms.images.get(reference('multi')).architecture).toBe('arm');
  await rooms.pull(reference('multi'), { platform: 'linux/aarch64' });
  expect(rooms.images.get(`${reference('multi')}@${index.digest}`).architecture).toBe('arm64');
  await expect(rooms.pull(reference('multi'), { platform: 'linux/s390x' })).rejects.toMatchObject({
    code: 'not-found',
    message: 'no matching manifest for linux/s390x in the manifest list entries',
    hint: expect.stringContaining('linux/amd64, linux/arm/v7, linux/arm64/v8'),
  });
});

test("what the registry does not have is told in Docker's words", async () => {
  using rooms = openImageRooms();
  await pushImage(repository('known'), 'latest', makeImage([base]));
  await expect(rooms.pull(reference('known:nope'))).rejects.toMatchObject({
    code: 'not-found',
    message: `manifest for ${reference('known:nope')} not found: manifest unknown: manifest unknown`,
  });
  await expect(rooms.pull(reference('known:lates'))).rejects.toMatchObject({
    message: `manifest for ${reference('known:lates')} not found: manifest unknown: manifest unknown`,
    hint: `there is ${reference('known:latest')}`,
  });
  await expect(rooms.pull(`${reference('known')}@sha256:${'0'.repeat(64)}`)).rejects.toMatchObject({
    code: 'not-found',
  });
  await expect(rooms.pull('127.0.0.1:9/app')).rejects.toMatchObject({
    code: 'unavailable',
    message: 'Get "http://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused',
  });
  await expect(rooms.pull('Bad:x')).rejects.toMatchObject({ code: 'invalid' });
});

test('an image pulled by digest has no tag', async () => {
  using rooms = openImageRooms();
  const image = makeImage([plain]);
  await pushImage(repository('digest'), 'latest', image);
  const name = `${reference('digest')}@${image.manifest.digest}`;
  expect((await rooms.pull(name)).at(-1)).toBe(`Status: Downloaded newer image for ${name}`);
  expect(rooms.images.get(name).tags).toEqual([]);
});

test('layers that are not what they say are refused and leave nothing', async () => {
  using rooms = openImageRooms();
  const other = makeLayer(makeTar([{ kind: 'file', path: 'other', text: 'o' }]));
  const climbing = makeLayer(makeTar([{ kind: 'file', path: '../../etc/climbed', text: 'x' }]));
  const cut = { ...base, bytes: base.bytes.subarray(0, -9) };
  const noTar = makeLayer(Buffer.from('no tar at all'.repeat(100)));
  const zeros = makeLayer(new Uint8Array(4 * 2 ** 20), 'zstd');
  const bombBytes = Buffer.concat(Array.from({ length: 64 }, () => zeros.bytes));
  const bomb = { ...zeros, bytes: bombBytes, digest: sha256(bombBytes) };
  const rows = [
    ['wrong-diff-id', makeImage([other], { diffIds: [base.diffId] }), 'it unpacks to'],
    ['count', makeImage([base], { diffIds: [] }), "layers from manifest don't match image configuration"],
    ['climbing', makeImage([climbing]), 'it climbs out of the root'],
    ['cut', makeImage([{ ...cut, digest: sha256(cut.bytes) }]), 'corrupt or cut short'],
    ['no-tar', makeImage([noTar]), 'the checksum of a header is wrong'],
    ['bomb', makeImage([bomb]), 'grows to more than 2000 times its size'],
  ] as const;
  for (const [name, image, why] of rows) {
    await pushImage(repository(name), 'latest', image);
    await expect(rooms.pull(reference(name))).rejects.toThrow(why);
    expect(rooms.leftovers()).toEqual([]);
  }
  expect(rooms.images.list()).toEqual([]);
  expect(rooms.jobs.list()).toEqual([]);
});

test('one bad layer undoes the good ones beside it', async () => {
  using rooms = openImageRooms();
  const bad = makeLayer(makeTar([{ kind: 'hardlink', path: 'h', linkPath: 'nothing' }]));
  await pushImage(repository('half'), 'latest', makeImage([base, bad, upper]));
  await expect(rooms.pull(reference('half'))).rejects.toThrow('which this layer does not hold');
  expect(rooms.leftovers()).toEqual([]);
});

test('what is no image is refused by name', async () => {
  using rooms = openImageRooms();
  const config = jsonBlob('application/vnd.cncf.helm.config.v1+json', {});
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  await pushBlob(repository('chart'), config);
  const manifest = jsonBlob(mediaType, {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: config.mediaType, digest: config.digest, size: 2 },
    layers: [],
  });
  await pushManifest(repository('chart'), 'latest', manifest);
  await expect(rooms.pull(reference('chart'))).rejects.toThrow('unsupported media type');
});

test('all tags of a repository are pulled', async () => {
  using rooms = openImageRooms();
  await pushImage(repository('tags'), 'a', makeImage([base]));
  await pushImage(repository('tags'), 'b', makeImage([plain]));
  const request = { reference: reference('tags'), allTags: true, platform: '', auth: undefined };
  await rooms.images.pull(request, () => undefined, new AbortController().signal);
  expect(
    rooms.images
      .list()
      .flatMap(({ tags }) => tags)
      .sort(),
  ).toEqual([reference('tags:a'), reference('tags:b')]);
});
