import { expect, setDefaultTimeout, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { endOfArchive, formatFile, formatHeader, plainEntry } from '@gantry/layer';
import type { ImportRequest } from '../../packages/engine/src/images/index.ts';
import { type ImageRooms, openImageRooms } from './image-rooms.ts';
import { jsonBlob, type MadeImage, type MadeLayer, type Member, makeImage, makeLayer, makeTar } from './made-image.ts';
import { openSmallDisk } from './small-disk.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 60_000) yield bytes.subarray(at, at + 60_000);
}
const never = new AbortController().signal;
/** A member whose bytes are written as they are. */
function member(path: string, bytes: Uint8Array | string): { path: string; bytes: Uint8Array } {
  return { path, bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes };
}

function archive(members: readonly ({ path: string; bytes: Uint8Array } | Member)[]): Buffer {
  const parts = members.map((each) => {
    if ('bytes' in each) return formatFile(plainEntry({ kind: 'file', path: each.path }), each.bytes);
    return formatHeader(plainEntry(each));
  });
  return Buffer.concat([...parts, endOfArchive]);
}

const base = makeLayer(makeTar([{ kind: 'file', path: 'etc/name', text: 'base\n' }]), 'plain');
const top = makeLayer(makeTar([{ kind: 'file', path: 'top', text: 'top\n' }]), 'plain');
const packed = makeLayer(makeTar([{ kind: 'file', path: 'packed', text: 'p' }]), 'gzip');

/** As docker save wrote it before version 25: `<id>/layer.tar`, links for repeated layers, manifest.json last. */
function savedArchive(image: MadeImage, layers: readonly MadeLayer[], tags: readonly string[] | null): Uint8Array {
  const names = layers.map((_, i) => `${String(i).repeat(64)}/layer.tar`);
  const configName = `${image.config.digest.slice(7)}.json`;
  const manifest = [{ Config: configName, RepoTags: tags, Layers: names }];
  return archive([
    ...layers.map((layer, i) => {
      const first = layers.indexOf(layer);
      return first === i
        ? member(names[i] ?? '', layer.bytes)
        : { kind: 'symlink' as const, path: names[i] ?? '', linkPath: `../${names[first]}` };
    }),
    member(configName, image.config.bytes),
    member('repositories', '{}'),
    member('manifest.json', JSON.stringify(manifest)),
  ]);
}

/** An OCI image layout in a tar. */
function layoutArchive(image: MadeImage, annotations: Readonly<Record<string, string>>): Buffer {
  const blob = ({ digest, bytes }: { digest: string; bytes: Uint8Array }) =>
    member(`blobs/sha256/${digest.slice(7)}`, bytes);
  const { mediaType, digest, bytes } = image.manifest;
  const index = { schemaVersion: 2, manifests: [{ mediaType, digest, size: bytes.length, annotations }] };
  return archive([
    member('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
    member('index.json', JSON.stringify(index)),
    ...[image.config, image.manifest, ...image.layers].map(blob),
  ]);
}

const load = (rooms: ImageRooms, bytes: Uint8Array): Promise<readonly string[]> =>
  rooms.images.load({ archive: one(bytes), platform: undefined }, () => undefined, never);

test('an archive of docker save is loaded, plain or compressed, and a repeated layer is taken once', async () => {
  const image = makeImage([base, top, top], { config: { Cmd: ['sh'] } });
  const saved = savedArchive(image, [base, top, top], ['app:1', 'localhost:5000/app:2']);
  for (const bytes of [saved, gzipSync(saved), zstdCompressSync(saved)]) {
    using rooms = openImageRooms();
    expect(await load(rooms, bytes)).toEqual(['app:1', 'localhost:5000/app:2']);
    expect(rooms.images.get('app:1').id).toBe(image.config.digest);
    expect(rooms.layerPaths('app:1').map((path) => path.length > 0)).toEqual([true, true, true]);
    expect(readFileSync(join(rooms.layerPaths('app:1')[2] ?? '', 'top'), 'utf8')).toBe('top\n');
    expect(rooms.events).toEqual([`load ${image.config.digest}`]);
    expect(rooms.leftovers().filter((name) => name.startsWith('ingest'))).toEqual([]);
  }
});

test('an OCI layout is loaded by the name in its annotations', async () => {
  using rooms = openImageRooms();
  const image = makeImage([packed]);
  const bytes = layoutArchive(image, {
    'io.containerd.image.name': 'docker.io/library/oci:1',
    'org.opencontainers.image.ref.name': '1',
  });
  expect(await load(rooms, bytes)).toEqual(['oci:1']);
  expect(rooms.images.get('oci:1').id).toBe(image.config.digest);
});

test('an image without a name is told by its ID, and a name that moves is told too', async () => {
  using rooms = openImageRooms();
  const [first, second] = [makeImage([base]), makeImage([top])];
  expect(await load(rooms, savedArchive(first, [base], null))).toEqual([first.config.digest]);
  await load(rooms, savedArchive(first, [base], ['name:1']));
  const said: string[] = [];
  const archive = one(savedArchive(second, [top], ['name:1']));
  await rooms.images.load({ archive, platform: undefined }, ({ status }) => said.push(status), never);
  expect(said).toContain(
    `The image name:1 already exists, renaming the old one with ID ${first.config.digest} to empty string`,
  );
  expect(rooms.images.get(first.config.digest).tags).toEqual([]);
});

test('archives that are wrong are refused in one line and leave nothing', async () => {
  using rooms = openImageRooms();
  const image = makeImage([base]);
  const config = `${image.config.digest.slice(7)}.json`;
  const manifest = (layers: string[], extra = {}): string =>
    JSON.stringify([{ Config: config, RepoTags: ['x:1'], Layers: layers, ...extra }]);
  const lying = jsonBlob('application/vnd.oci.image.config.v1+json', {
    rootfs: { type: 'layers', diff_ids: [top.diffId] },
  });
  const layout = layoutArchive(makeImage([packed]), {});
  const rows: readonly (readonly [Uint8Array, string])[] = [
    [archive([member('f', 'x')]), 'it has neither manifest.json nor index.json'],
    [archive([member('manifest.json', '{')]), 'it is not JSON'],
    [archive([member('manifest.json', manifest(['a'])), member(config, image.config.bytes)]), 'it has no file "a"'],
    [
      archive([member('manifest.json', manifest([])), member(config, image.config.bytes)]),
      'layers length mismatch: expected 1, got 0',
    ],
    [
      archive([member('manifest.json', manifest(['../../etc/passwd'])), member(config, image.config.bytes)]),
      'climbs out of the root',
    ],
    [
      archive([member('manifest.json', manifest(['a'])), { kind: 'symlink', path: 'a', linkPath: '../../etc/passwd' }]),
      'climbs out of the root',
    ],
    [
      archive([
        member('manifest.json', manifest(['a'])),
        member(config, image.config.bytes),
        { kind: 'symlink', path: 'a', linkPath: '/etc/passwd' },
      ]),
      'it has no file "a"',
    ],
    [archive([member('manifest.json', manifest(['a'], { RepoTags: ['Bad:1'] }))]), 'must be lowercase'],
    [
      archive([
        member('manifest.json', manifest(['a'], { Config: 'c' })),
        member('c', lying.bytes),
        member('a', base.bytes),
      ]),
      'invalid diffID for layer 0',
    ],
    [
      Buffer.from(layout.toString('latin1').replace('"os":"linux"', '"os":"linuy"'), 'latin1'),
      'does not have that digest',
    ],
    [layout.subarray(0, 1100), 'it ends in the middle of an entry'],
    [randomBytes(5000), 'so it is no tar'],
  ];
  for (const [bytes, why] of rows) {
    await expect(load(rooms, bytes)).rejects.toThrow(why);
    expect(rooms.leftovers()).toEqual([]);
  }
  expect(rooms.jobs.list()).toEqual([]);
});

test('a full disk while loading leaves nothing', async () => {
  using disk = openSmallDisk(2 * 2 ** 20);
  using rooms = openImageRooms(join(disk.path, 'root'));
  const big = makeLayer(makeTar([{ kind: 'file', path: 'big', text: 'x'.repeat(4 * 2 ** 20) }]), 'plain');
  await expect(load(rooms, savedArchive(makeImage([big]), [big], null))).rejects.toMatchObject({ code: 'unavailable' });
  expect(rooms.leftovers()).toEqual([]);
});

const request = (bytes: Uint8Array, options: Partial<ImportRequest> = {}): ImportRequest => ({
  archive: one(bytes),
  reference: '',
  message: '',
  changes: [],
  platform: '',
  ...options,
});

test('a root filesystem becomes an image with the changes asked for', async () => {
  using rooms = openImageRooms();
  const changes = [
    'CMD ["/bin/sh"]',
    'ENV A=1 B="two words"',
    'EXPOSE 80 53/udp',
    'LABEL x=y',
    'WORKDIR /srv',
    'ENTRYPOINT echo hi',
  ];
  const id = await rooms.images.import(
    request(gzipSync(base.bytes), { reference: 'rootfs', message: 'from a test', changes }),
    () => undefined,
    never,
  );
  const image = rooms.images.get('rootfs');
  expect([image.id, image.tags, image.comment, image.diffIds[0]]).toEqual([
    id,
    ['rootfs:latest'],
    'from a test',
    base.diffId,
  ]);
  const { cmd, env, exposedPorts, labels, workingDir, entrypoint } = image.config;
  expect({ cmd, env, exposedPorts, labels, workingDir, entrypoint }).toEqual({
    cmd: ['/bin/sh'],
    env: ['A=1', 'B=two words'],
    exposedPorts: ['80/tcp', '53/udp'],
    labels: { x: 'y' },
    workingDir: '/srv',
    entrypoint: ['/bin/sh', '-c', 'echo hi'],
  });
  expect(rooms.events).toEqual([`import ${id}`]);
  expect(readFileSync(join(rooms.layerPaths(id)[0] ?? '', 'etc/name'), 'utf8')).toBe('base\n');
});

test('the same root filesystem is unpacked once', async () => {
  using rooms = openImageRooms();
  await rooms.images.import(request(base.bytes, { reference: 'a' }), () => undefined, never);
  await rooms.images.import(request(base.bytes, { reference: 'b', message: 'other' }), () => undefined, never);
  expect(rooms.leftovers().filter((name) => name.startsWith('layers/')).length).toBe(1);
});

test('a wrong change or name is refused before a byte is read', async () => {
  using rooms = openImageRooms();
  for (const [options, message] of [
    [{ changes: ['RUN x'] }, 'RUN is not a valid change command'],
    [{ changes: ['ENV'] }, 'ENV requires at least one argument'],
    [{ reference: 'Bad' }, 'must be lowercase'],
    [{ platform: 'toaster' }, 'unknown operating system'],
  ] as const) {
    await expect(rooms.images.import(request(base.bytes, options), () => undefined, never)).rejects.toThrow(message);
  }
  await expect(
    rooms.images.import(request(Buffer.from('<html>not found</html>'.repeat(50))), () => undefined, never),
  ).rejects.toThrow('so it is no tar');
  expect(rooms.leftovers()).toEqual([]);
});
