import { expect, setDefaultTimeout, test } from 'bun:test';
import { zstdCompressSync } from 'node:zlib';
import { endOfArchive, formatFile, formatHeader, plainEntry } from '@gantry/layer';
import { type ImageRooms, openImageRooms } from './image-rooms.ts';
import { describe, jsonBlob, type MadeImage, makeImage, makeLayer, makeTar } from './made-image.ts';

/** Archives that somebody made in order to harm: each is refused in one line, and nothing of it is left. */
setDefaultTimeout(60_000);

type File = { readonly path: string; readonly bytes: Uint8Array | string };

const file = (path: string, bytes: Uint8Array | string): File => ({ path, bytes });
const json = (path: string, value: unknown): File => file(path, JSON.stringify(value));

function archive(files: readonly File[]): Buffer {
  const parts = files.map(({ path, bytes }) => formatFile(plainEntry({ kind: 'file', path }), Buffer.from(bytes)));
  return Buffer.concat([...parts, endOfArchive]);
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1 << 20) yield bytes.subarray(at, at + (1 << 20));
}

const load = (rooms: ImageRooms, bytes: Uint8Array): Promise<readonly string[]> =>
  rooms.images.load({ archive: one(bytes), platform: undefined }, () => undefined, new AbortController().signal);

async function expectRefused(bytes: Uint8Array, why: string): Promise<void> {
  using rooms = openImageRooms();
  await expect(load(rooms, bytes)).rejects.toThrow(why);
  expect(rooms.leftovers()).toEqual([]);
  expect(rooms.images.list()).toEqual([]);
  expect(rooms.jobs.list()).toEqual([]);
}

const layer = makeLayer(makeTar([{ kind: 'file', path: 'f', text: 'x' }]), 'gzip');
const image = makeImage([layer]);
const blobFiles = ({ config, manifest, layers }: MadeImage): File[] =>
  [config, manifest, ...layers].map(({ digest, bytes }) => file(`blobs/sha256/${digest.slice(7)}`, bytes));
const layout = (manifests: readonly unknown[], files: readonly File[] = blobFiles(image)): Buffer =>
  archive([
    json('oci-layout', { imageLayoutVersion: '1.0.0' }),
    json('index.json', { schemaVersion: 2, manifests }),
    ...files,
  ]);

test('a decompression bomb is stopped long before it is unpacked: as an archive and as a layer', async () => {
  const zeros = Buffer.alloc(200 * 2 ** 20);
  await expectRefused(zstdCompressSync(archive([file('big', zeros)])), 'it grows to more than 2000 times its size');
  const bomb = makeLayer(makeTar([]), 'zstd');
  const packed = zstdCompressSync(zeros);
  const bytes = archive([
    json('manifest.json', [{ Config: 'c', RepoTags: null, Layers: ['l'] }]),
    file('c', makeImage([bomb]).config.bytes),
    file('l', packed),
  ]);
  await expectRefused(bytes, 'it grows to more than 2000 times its size');
});

test('CVE-2021-41190: a manifest that is both an image and an index is refused', async () => {
  const both = jsonBlob('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    config: describe(image.config),
    layers: image.layers.map(describe),
    manifests: [describe(image.manifest)],
  });
  const files = [...blobFiles(image), file(`blobs/sha256/${both.digest.slice(7)}`, both.bytes)];
  await expectRefused(layout([describe(both)], files), 'it is both an image and an index');
  const lying = { ...describe(image.manifest), mediaType: 'application/vnd.oci.image.index.v1+json' };
  await expectRefused(layout([lying]), 'but calls itself');
});

test('a descriptor whose size or digest is another one than the blob’s is refused', async () => {
  await expectRefused(layout([{ ...describe(image.manifest), size: 7 }]), 'bytes, not 7');
  const other = { ...describe(image.config), mediaType: image.manifest.mediaType };
  await expectRefused(layout([other]), 'invalid checksum digest format');
  const swapped = blobFiles(image).map(({ path, bytes }, i) => file(path, i === 2 ? `${bytes}x` : bytes));
  await expectRefused(layout([describe(image.manifest)], swapped), 'failed to register layer');
  await expectRefused(layout([{ ...describe(image.manifest), digest: 'sha256:../../../etc/passwd' }]), 'invalid');
});

test('indexes that lead to each other, and documents without measure, are refused', async () => {
  const deep = Array.from({ length: 6 }).reduce<{ files: File[]; top: ReturnType<typeof describe> }>(
    ({ files, top }) => {
      const index = jsonBlob('application/vnd.oci.image.index.v1+json', { schemaVersion: 2, manifests: [top] });
      return { files: [...files, file(`blobs/sha256/${index.digest.slice(7)}`, index.bytes)], top: describe(index) };
    },
    { files: blobFiles(image), top: describe(image.manifest) },
  );
  await expectRefused(layout([deep.top], deep.files), 'its indexes lead in circles');
  await expectRefused(archive([file('manifest.json', `[${' '.repeat(5 * 2 ** 20)}]`)]), 'larger than');
  const wide = archive([
    json('manifest.json', [{ Config: 'c', RepoTags: null, Layers: ['l'] }]),
    file('c', Buffer.alloc(9 * 2 ** 20, 0x20)),
  ]);
  await expectRefused(wide, 'larger than');
  const many = makeImage(Array.from({ length: 128 }, () => layer));
  const tall = [{ Config: 'c', RepoTags: null, Layers: many.layers.map(() => 'l') }];
  await expectRefused(
    archive([json('manifest.json', tall), file('c', many.config.bytes), file('l', layer.bytes)]),
    'max depth',
  );
});

test('members that are links in circles, or more than anybody has, are refused', async () => {
  const link = (path: string, linkPath: string): Uint8Array =>
    formatHeader(plainEntry({ kind: 'symlink', path, linkPath }));
  const circle = Buffer.concat([link('manifest.json', 'b'), link('b', 'manifest.json'), endOfArchive]);
  await expectRefused(circle, 'it has neither manifest.json nor index.json');
  const headers = Array.from({ length: 100_001 }, (_, i) => link(`l${i}`, 'x'));
  await expectRefused(Buffer.concat([...headers, endOfArchive]), 'more than 100000 members');
});

test('more images and names than anybody has are refused', async () => {
  const tags = Array.from({ length: 20_000 }, (_, i) => `t${i}:x`);
  const parts = [file('c', image.config.bytes), file('l', layer.bytes)];
  const listed = { Config: 'c', RepoTags: tags, Layers: ['l'] };
  await expectRefused(archive([json('manifest.json', [listed]), ...parts]), '20000 images and names, more than 1000');
  const many = tags.map(() => ({ ...listed, RepoTags: null }));
  await expectRefused(archive([json('manifest.json', many), ...parts]), '20000 images and names, more than 1000');
  const names = tags.map((tag) => ({ ...describe(image.manifest), annotations: { 'io.containerd.image.name': tag } }));
  await expectRefused(layout(names.slice(0, 8000)), '8000 images and names, more than 1000');
});

test('an image of thousands of names is untagged and removed without a halt', async () => {
  using rooms = openImageRooms();
  await load(rooms, layout([describe(image.manifest)]));
  const { digest } = image.config;
  for (let i = 0; i < 2000; i++) rooms.images.tag(digest, `t${i}:x`);
  const begun = performance.now();
  await rooms.images.remove(digest, { force: true, platforms: [] }, () => []);
  // It was ten seconds, in which nobody else was answered.
  expect(performance.now() - begun).toBeLessThan(5000);
  expect(rooms.images.list()).toEqual([]);
});

test('a file of petabytes that is one hole is refused, and one of gigabytes costs nothing', async () => {
  const hole = (sizeBytes: number): Uint8Array => {
    const records = { 'GNU.sparse.major': '0', 'GNU.sparse.map': '', 'GNU.sparse.size': String(sizeBytes) };
    const body = Object.entries(records).map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      const length = rest.length + 2;
      return `${length}${rest}`;
    });
    const pax = Buffer.from(body.join(''));
    const header = formatFile(plainEntry({ kind: 'file', path: 'pax' }), pax);
    header[156] = 'x'.charCodeAt(0);
    // The checksum of the header with its new type: one byte is other.
    const sum =
      Number.parseInt(Buffer.from(header.subarray(148, 154)).toString(), 8) + 'x'.charCodeAt(0) - '0'.charCodeAt(0);
    header.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
    return Buffer.concat([header, formatHeader(plainEntry({ kind: 'file', path: 'hole' })), endOfArchive]);
  };
  const saved = (tar: Uint8Array): Buffer => {
    const made = makeLayer(tar, 'plain');
    const tag = [{ Config: 'c', RepoTags: ['hole:1'], Layers: ['l'] }];
    return archive([json('manifest.json', tag), file('c', makeImage([made]).config.bytes), file('l', tar)]);
  };
  await expectRefused(saved(hole(2 ** 52)), 'it is larger than a file can be');
  using rooms = openImageRooms();
  expect(await load(rooms, saved(hole(2 ** 33)))).toEqual(['hole:1']);
});
