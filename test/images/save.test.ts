import { expect, setDefaultTimeout, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { endOfArchive, formatFile, plainEntry, TarReader } from '@gantry/layer';
import { type ImageRooms, openImageRooms } from './image-rooms.ts';
import { type MadeImage, makeImage, makeLayer, makeTar, sha256 } from './made-image.ts';

/** What `save` writes: both kinds of archive at once, from which every reader makes the same images again. */
setDefaultTimeout(60_000);

const never = new AbortController().signal;
const gz = makeLayer(makeTar([{ kind: 'file', path: 'gz', text: 'g'.repeat(5000) }]), 'gzip');
const zst = makeLayer(makeTar([{ kind: 'file', path: 'zst', text: 'z' }]), 'zstd');
const plain = makeLayer(makeTar([{ kind: 'file', path: 'plain', text: 'p' }]), 'plain');

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function load(rooms: ImageRooms, image: MadeImage, tags: readonly string[]): Promise<void> {
  const manifest = [{ Config: 'config', RepoTags: tags, Layers: image.layers.map((_, i) => `layer${i}`) }];
  const files: [string, Uint8Array][] = [
    ['manifest.json', Buffer.from(JSON.stringify(manifest))],
    ['config', image.config.bytes],
    ...image.layers.map(({ bytes }, i): [string, Uint8Array] => [`layer${i}`, bytes]),
  ];
  const parts = files.map(([path, bytes]) => formatFile(plainEntry({ kind: 'file', path }), bytes));
  const archive = one(Buffer.concat([...parts, endOfArchive]));
  await rooms.images.load({ archive, platform: undefined }, () => undefined, never);
}

async function save(rooms: ImageRooms, ...names: string[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of rooms.images.save(names, undefined, never)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The files of an archive. */
function filesOf(bytes: Uint8Array): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  let path = '';
  const reader = new TarReader({
    begin: (entry) => {
      path = entry.path;
      if (entry.kind === 'file') files.set(path, Buffer.alloc(0));
    },
    data: (piece) => files.set(path, Buffer.concat([files.get(path) ?? Buffer.alloc(0), piece])),
    end: () => undefined,
  });
  reader.push(bytes);
  reader.finish();
  return files;
}

test('an archive has each layer once and unpacked, and every blob has the digest that it is named by', async () => {
  using rooms = openImageRooms();
  await load(rooms, makeImage([gz, zst]), ['app:1', 'registry.example:5000/team/app:2']);
  await load(rooms, makeImage([gz, plain]), ['other:1']);
  const files = filesOf(await save(rooms, 'app:1', 'other', 'registry.example:5000/team/app:2'));
  const blobs = [...files].filter(([path]) => path.startsWith('blobs/sha256/'));
  expect(blobs.map(([path, bytes]) => [path, sha256(bytes)])).toEqual(
    blobs.map(([path]) => [path, `sha256:${path.slice('blobs/sha256/'.length)}`]),
  );
  const layers = [gz, zst, plain].map(({ diffId }) => `blobs/sha256/${diffId.slice(7)}`);
  expect(layers.every((path) => files.has(path))).toBe(true);
  expect([...files.keys()].filter((path) => !path.startsWith('blobs/'))).toEqual([
    'index.json',
    'manifest.json',
    'oci-layout',
    'repositories',
  ]);
  const manifest = JSON.parse(files.get('manifest.json')?.toString() ?? '');
  expect(manifest.map((row: { RepoTags: unknown; Layers: unknown }) => [row.RepoTags, row.Layers])).toEqual([
    [['app:1', 'registry.example:5000/team/app:2'], layers.slice(0, 2)],
    [['other:1'], [layers[0], layers[2]]],
  ]);
  expect(JSON.parse(files.get('repositories')?.toString() ?? '')).toEqual({
    app: { '1': zst.diffId.slice(7) },
    other: { '1': plain.diffId.slice(7) },
    'registry.example:5000/team/app': { '2': zst.diffId.slice(7) },
  });
});

test('loading it gives the same images, by either of its two lists', async () => {
  using rooms = openImageRooms();
  const image = makeImage([gz, zst, plain], { config: { Cmd: ['x'] } });
  await load(rooms, image, ['app:1']);
  const saved = await save(rooms, 'app:1');
  using again = openImageRooms();
  expect(await again.images.load({ archive: one(saved), platform: undefined }, () => undefined, never)).toEqual([
    'app:1',
  ]);
  expect(again.images.get('app:1').id).toBe(image.config.digest);
  expect(sha256(await save(again, 'app:1'))).toBe(sha256(saved));
  const withoutList = [...filesOf(saved)].filter(([path]) => path !== 'manifest.json');
  const parts = withoutList.map(([path, bytes]) => formatFile(plainEntry({ kind: 'file', path }), bytes));
  using layout = openImageRooms();
  const archive = one(Buffer.concat([...parts, endOfArchive]));
  expect(await layout.images.load({ archive, platform: undefined }, () => undefined, never)).toEqual(['app:1']);
  expect(layout.images.get('app:1').id).toBe(image.config.digest);
});

test('an image that came after another with the same layer keeps it when the other goes', async () => {
  using rooms = openImageRooms();
  await load(rooms, makeImage([gz]), ['first:1']);
  await load(rooms, makeImage([gz, plain]), ['second:1']);
  await rooms.images.remove('first:1', { force: false, platforms: [] }, () => []);
  expect(filesOf(await save(rooms, 'second:1')).has(`blobs/sha256/${gz.diffId.slice(7)}`)).toBe(true);
});

test('names are settled before the first byte: an ID brings no name, a repository all its tags', async () => {
  using rooms = openImageRooms();
  const image = makeImage([plain]);
  await load(rooms, image, ['app:1', 'app:2', 'else:1']);
  const tags = async (...names: string[]): Promise<unknown> => {
    const list = JSON.parse(
      filesOf(await save(rooms, ...names))
        .get('manifest.json')
        ?.toString() ?? '',
    );
    return list.map(({ RepoTags }: { RepoTags: unknown }) => RepoTags);
  };
  expect(await tags('app')).toEqual([['app:1', 'app:2']]);
  expect(await tags('app:2', 'else:1')).toEqual([['app:2', 'else:1']]);
  expect(await tags(image.config.digest)).toEqual([null]);
  expect(await tags(image.config.digest.slice(7, 20))).toEqual([null]);
  expect(() => rooms.images.save(['app:1', 'nosuch'], undefined, never)).toThrow('No such image: nosuch');
  const arm = { os: 'linux', architecture: 'riscv64', variant: '' };
  expect(() => rooms.images.save(['app:1'], arm, never)).toThrow(
    'no suitable export target found for platform linux/riscv64',
  );
});

test('a layer whose archive is lost is an error before the first byte', async () => {
  using rooms = openImageRooms();
  await load(rooms, makeImage([plain]), ['app:1']);
  rmSync(join(rooms.dataRoot, 'blobs/sha256', plain.digest.slice(7)));
  await expect(save(rooms, 'app:1')).rejects.toThrow(/ENOENT|not kept/);
});

test('of an archive for several platforms all are loaded, or the one that was asked for', async () => {
  const host = process.arch === 'x64' ? 'amd64' : process.arch;
  const [mine, other] = [makeImage([plain]), makeImage([gz], { architecture: 'riscv64' })];
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const row = ({ manifest }: MadeImage, architecture: string) => ({
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    platform: { os: 'linux', architecture },
  });
  const inner = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType, manifests: [row(mine, host), row(other, 'riscv64')] }),
  );
  const annotations = { 'io.containerd.image.name': 'docker.io/library/multi:1' };
  const top = { schemaVersion: 2, manifests: [{ mediaType, digest: sha256(inner), size: inner.length, annotations }] };
  const blobs = [mine, other].flatMap(({ config, manifest, layers }) => [config, manifest, ...layers]);
  const files: [string, Uint8Array][] = [
    ['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')],
    ['index.json', Buffer.from(JSON.stringify(top))],
    [`blobs/sha256/${sha256(inner).slice(7)}`, inner],
    ...blobs.map(({ digest, bytes }): [string, Uint8Array] => [`blobs/sha256/${digest.slice(7)}`, bytes]),
  ];
  const archiveOf = (members: readonly [string, Uint8Array][]): Buffer =>
    Buffer.concat([
      ...members.map(([path, content]) => formatFile(plainEntry({ kind: 'file', path }), content)),
      endOfArchive,
    ]);
  const flat = [row(mine, host), row(other, 'riscv64')].map((descriptor) => ({ ...descriptor, annotations }));
  const flatIndex = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: flat }));
  const loadFor = async (architecture: string | undefined, index?: Uint8Array): Promise<[string, number]> => {
    using rooms = openImageRooms();
    const platform = architecture === undefined ? undefined : { os: 'linux', architecture, variant: '' };
    const members = files.map(([path, content]): [string, Uint8Array] => [
      path,
      path === 'index.json' ? (index ?? content) : content,
    ]);
    await rooms.images.load({ archive: one(archiveOf(members)), platform }, () => undefined, never);
    return [rooms.images.get('multi:1').id, rooms.images.list().length];
  };
  expect(await loadFor(undefined)).toEqual([mine.config.digest, 2]);
  expect(await loadFor('riscv64')).toEqual([other.config.digest, 1]);
  expect(await loadFor(undefined, flatIndex)).toEqual([mine.config.digest, 1]);
  expect(await loadFor('riscv64', flatIndex)).toEqual([other.config.digest, 1]);
  const refused = await loadFor('s390x').catch((error: unknown) => error);
  expect(refused).toMatchObject({
    message: 'cannot load archive: it has no image for platform linux/s390x',
    hint: `it has images for linux/${host}, linux/riscv64`,
  });
});
