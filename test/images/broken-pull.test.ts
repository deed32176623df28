import { expect, setDefaultTimeout, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../harness/wait-for.ts';
import { breaking, ranged, startBrokenRegistry } from './broken-registry.ts';
import { openImageRooms } from './image-rooms.ts';
import { describe as descriptorOf, makeImage, makeLayer, makeTar } from './made-image.ts';
import { openSmallDisk } from './small-disk.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

const noise = makeLayer(makeTar([{ kind: 'file', path: 'noise', text: randomBytes(3 * 2 ** 20).toString('latin1') }]));
const image = makeImage([noise]);

test('a download that breaks off goes on where it stopped', async () => {
  using rooms = openImageRooms();
  const half = noise.bytes.length >> 1;
  using registry = startBrokenRegistry(image, (bytes, request) =>
    request.headers.has('range') ? ranged(bytes, request) : breaking(bytes, half),
  );
  await rooms.pull(`${registry.host}/app`);
  expect(registry.requests.filter((line) => line.includes('bytes=')).length).toBe(1);
  expect(rooms.images.list().length).toBe(1);
});

test('a registry that ignores ranges sends everything again, and no byte is taken twice', async () => {
  using rooms = openImageRooms();
  let count = 0;
  using registry = startBrokenRegistry(image, (bytes) =>
    count++ === 0 ? breaking(bytes, 100_000) : new Response(bytes),
  );
  await rooms.pull(`${registry.host}/app`);
  expect(rooms.images.list().length).toBe(1);
});

test('a layer shorter or longer than stated is refused, and leaves no more than what may be gone on with', async () => {
  using rooms = openImageRooms();
  const partial = `ingest/${noise.digest.slice('sha256:'.length)}.partial`;
  for (const [serve, why, left] of [
    [(bytes: Uint8Array) => new Response(Buffer.concat([bytes, Buffer.alloc(10)])), 'larger than its stated', []],
    [(bytes: Uint8Array) => new Response(bytes.map((byte, i) => (i === bytes.length - 9 ? byte ^ 1 : byte))), '', []],
    [
      (bytes: Uint8Array) => new Response(bytes.subarray(0, 1000), { headers: { 'content-length': '1000' } }),
      'broke off after 1000 of',
      [partial],
    ],
  ] as const) {
    using registry = startBrokenRegistry(image, serve);
    await expect(rooms.pull(`${registry.host}/app`)).rejects.toThrow(why);
    expect(rooms.leftovers()).toEqual([...left]);
  }
});

test('what a broken pull had of a layer is not fetched again, even by another daemon from another host', async () => {
  using disk = openSmallDisk(64 * 2 ** 20);
  const root = join(disk.path, 'root');
  const half = noise.bytes.length >> 1;
  {
    using rooms = openImageRooms(root);
    using registry = startBrokenRegistry(image, (bytes, request) =>
      request.headers.has('range') ? new Response('', { status: 410 }) : new Response(bytes.subarray(0, half)),
    );
    await expect(rooms.pull(`${registry.host}/app`)).rejects.toThrow();
  }
  using rooms = openImageRooms(root);
  await rooms.images.recover();
  using registry = startBrokenRegistry(image, ranged);
  await rooms.pull(`${registry.host}/app`);
  const [range = ''] = registry.requests.filter((line) => line.includes('bytes='));
  expect(range).toContain(`bytes=${half}-`);
  expect(rooms.images.list().length).toBe(1);
  await rooms.images.remove(`${registry.host}/app`, { force: false, platforms: [] }, () => []);
  expect(rooms.leftovers()).toEqual([]);
});

test('what a broken pull left is fetched anew when it was wrong', async () => {
  using disk = openSmallDisk(64 * 2 ** 20);
  const root = join(disk.path, 'root');
  using rooms = openImageRooms(root);
  const file = join(root, 'ingest', `${noise.digest.slice('sha256:'.length)}.partial`);
  writeFileSync(file, Buffer.concat([noise.bytes.subarray(0, 500_000), Buffer.alloc(500_000)]));
  using registry = startBrokenRegistry(image, ranged);
  await rooms.pull(`${registry.host}/app`);
  expect(rooms.images.list().length).toBe(1);
  expect(rooms.leftovers().filter((name) => name.startsWith('ingest'))).toEqual([]);
});

test('a registry that is busy is asked again', async () => {
  using rooms = openImageRooms();
  let count = 0;
  using registry = startBrokenRegistry(image, (bytes) =>
    count++ < 2 ? new Response('', { status: 503 }) : new Response(bytes),
  );
  await rooms.pull(`${registry.host}/app`);
  expect(count).toBe(3);
});

test('a client that leaves in the middle of a pull leaves what may be gone on with, and the next one goes on there', async () => {
  using rooms = openImageRooms();
  const leaving = new AbortController();
  const halfway = Promise.withResolvers<void>();
  using registry = startBrokenRegistry(image, (bytes) => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (sent > 0) {
          halfway.resolve();
          return new Promise(() => undefined);
        }
        sent = 1_000_000;
        controller.enqueue(bytes.subarray(0, sent));
      },
    });
    return new Response(body);
  });
  const pulling = rooms.pull(`${registry.host}/app`, { signal: leaving.signal });
  await halfway.promise;
  const partial = join(rooms.dataRoot, 'ingest', `${noise.digest.slice('sha256:'.length)}.partial`);
  await waitFor('what was sent is on the disk', () => statSync(partial).size === 1_000_000);
  leaving.abort();
  await expect(pulling).rejects.toMatchObject({ code: 'cancelled' });
  expect(rooms.leftovers()).toEqual([`ingest/${noise.digest.slice('sha256:'.length)}.partial`]);
  expect(rooms.jobs.list()).toEqual([]);
  using other = startBrokenRegistry(image, ranged);
  await rooms.pull(`${other.host}/app`);
  expect(other.requests.filter((line) => line.startsWith('blobs') && line.includes('bytes='))).toEqual([
    expect.stringContaining('bytes=1000000-'),
  ]);
  expect(rooms.leftovers().filter((name) => name.startsWith('ingest'))).toEqual([]);
});

test('a pull that was cancelled keeps the layers that were there already, for a day', async () => {
  using rooms = openImageRooms();
  const leaving = new AbortController();
  const small = makeLayer(makeTar([{ kind: 'file', path: 'small', text: 'small' }]));
  const both = makeImage([small, noise]);
  using registry = startBrokenRegistry(both, (bytes, request) =>
    bytes.length === small.bytes.length || request.headers.has('range')
      ? ranged(bytes, request)
      : new Response(new ReadableStream({ start: (controller) => controller.enqueue(bytes.subarray(0, 1_000_000)) })),
  );
  const pulling = rooms.pull(`${registry.host}/app`, { signal: leaving.signal });
  const partials = [small, noise].map(({ digest }) => `ingest/${digest.slice('sha256:'.length)}.partial`).sort();
  await waitFor('one layer is there and some of the other', () => {
    const [file = ''] = rooms.leftovers().filter((name) => name.endsWith(`${noise.digest.slice(-64)}.partial`));
    return rooms.content.list().length === 1 && statSync(join(rooms.dataRoot, file)).size === 1_000_000;
  });
  leaving.abort();
  await expect(pulling).rejects.toMatchObject({ code: 'cancelled' });
  expect(rooms.leftovers().sort()).toEqual(partials);
  const before = registry.requests.length;
  await rooms.pull(`${registry.host}/app`);
  const asked = registry.requests.slice(before).filter((line) => line.startsWith('blobs'));
  expect(asked.filter((line) => line.includes('bytes='))).toEqual([expect.stringContaining('bytes=1000000-')]);
  // The config and the rest of one layer.
  expect(asked.length).toBe(2);
  await rooms.images.remove(`${registry.host}/app`, { force: false, platforms: [] }, () => []);
  for (const name of partials) {
    writeFileSync(join(rooms.dataRoot, name), 'old');
    utimesSync(join(rooms.dataRoot, name), new Date(), new Date(Date.now() - 25 * 3600 * 1000));
  }
  await rooms.images.recover();
  expect(rooms.leftovers()).toEqual([]);
});

test('when one of two that pull the same layer leaves, the other gets it', async () => {
  using rooms = openImageRooms();
  const leaving = new AbortController();
  const halfway = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  using registry = startBrokenRegistry(image, (bytes) => {
    const body = new ReadableStream<Uint8Array>({
      start: async (controller) => {
        controller.enqueue(bytes.subarray(0, 1_000_000));
        halfway.resolve();
        await goOn.promise;
        controller.enqueue(bytes.subarray(1_000_000));
        controller.close();
      },
    });
    return new Response(body);
  });
  const first = rooms.pull(`${registry.host}/app`, { signal: leaving.signal });
  await halfway.promise;
  const second = rooms.pull(`${registry.host}/app`);
  const joined = registry.requests.filter((line) => line.startsWith('blobs')).length;
  leaving.abort();
  await expect(first).rejects.toMatchObject({ code: 'cancelled' });
  goOn.resolve();
  await second;
  expect(joined).toBeGreaterThan(0);
  expect(rooms.images.list().length).toBe(1);
});

test('a full disk in the middle of a pull is one clear error and leaves nothing half-made', async () => {
  using disk = openSmallDisk(4 * 2 ** 20);
  {
    using rooms = openImageRooms(join(disk.path, 'root'));
    using registry = startBrokenRegistry(image, (bytes) => new Response(bytes));
    await expect(rooms.pull(`${registry.host}/app`)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('no space left on device'),
      hint: expect.stringContaining('docker image prune'),
    });
    expect(rooms.leftovers()).toEqual([]);
    expect(rooms.images.list()).toEqual([]);
  }
});

test('what a killed daemon left of a pull is swept at the next start', async () => {
  using disk = openSmallDisk(64 * 2 ** 20);
  const root = join(disk.path, 'root');
  {
    using rooms = openImageRooms(root);
    // What is there when the daemon dies: an ingest, a directory without row, a layer and a blob that only a job held.
    const ingest = rooms.content.ingest();
    ingest.write(noise.bytes);
    ingest.complete();
    const draft = rooms.snapshots.draft();
    rooms.snapshots.hold(noise.diffId as never, 'job:dead');
    rooms.content.hold(noise.digest as never, 'job:dead');
    ingest.commit(noise.digest as never);
    draft.commit({
      chainId: noise.diffId as never,
      parent: undefined,
      diffId: noise.diffId as never,
      sizeBytes: 1,
      impliedDirectories: [],
      hidden: { whiteouts: [], opaque: [] },
    });
    rooms.snapshots.draft();
    expect(rooms.leftovers().length).toBe(4);
  }
  using rooms = openImageRooms(root);
  await rooms.images.recover();
  expect(rooms.leftovers()).toEqual([]);
});

test('a manifest with as many layers as overlayfs takes is pulled, one more is refused', async () => {
  using rooms = openImageRooms();
  const layers = Array.from({ length: 127 }, (_, i) =>
    makeLayer(makeTar([{ kind: 'file', path: `f${i}`, text: String(i) }])),
  );
  const deep = makeImage(layers);
  using registry = startBrokenRegistry(deep, (bytes) => new Response(bytes));
  await rooms.pull(`${registry.host}/deep`);
  rooms.snapshots.reserve('c', rooms.images.get(`${registry.host}/deep`).chainId);
  const { lower } = (await rooms.snapshots.prepare('c')).mount;
  expect(lower.length).toBe(127);
  expect(`lowerdir=${lower.join(':')}`.length).toBeLessThan(3500);
  expect(descriptorOf(noise).size).toBe(noise.bytes.length);
});
