import { expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { waitFor } from '../harness/wait-for.ts';
import { startBrokenRegistry } from './broken-registry.ts';
import { openImageRooms } from './image-rooms.ts';
import { makeImage, makeLayer, makeTar } from './made-image.ts';
import { attestationEntry, attestationOf, imageEntry, indexOf } from './platform-images.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

const mine = process.arch === 'x64' ? 'amd64' : process.arch;
const image = makeImage([makeLayer(makeTar([{ kind: 'file', path: 'f', text: 'x' }]))]);
const attestation = attestationOf(image);
const index = indexOf([imageEntry(image, mine), attestationEntry(attestation, image)]);

/** A registry of an image and what was attested of it, which waits with the statement until it is told to go on. */
function startRegistry(): Disposable & { host: string; asked: Promise<void>; goOn: () => void } {
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const documents = [image, attestation].flatMap(({ config, layers, manifest }) => [config, ...layers, manifest]);
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async ({ url }) => {
      const name = new URL(url).pathname.split('/').at(-1);
      if (name === attestation.manifest.digest) {
        asked.resolve();
        await gate.promise;
      }
      const found = name === 'plain' ? image.manifest : name === 'whole' ? index : undefined;
      const document = found ?? documents.find(({ digest }) => digest === name);
      if (document === undefined) return new Response('', { status: 404 });
      return new Response(document.bytes, { headers: { 'content-type': document.mediaType } });
    },
  });
  const host = `127.0.0.1:${server.port}`;
  return { host, asked: asked.promise, goOn: gate.resolve, [Symbol.dispose]: () => void server.stop(true) };
}

test('an image that is removed while a pull counts on it is there, whole, when the pull is through', async () => {
  using rooms = openImageRooms();
  using registry = startRegistry();
  await rooms.pull(`${registry.host}/app:plain`);
  const pulling = rooms.pull(`${registry.host}/app:whole`);
  await registry.asked;
  await rooms.images.remove(`${registry.host}/app:plain`, { force: false, platforms: [] }, () => []);
  registry.goOn();
  await pulling;
  expect(rooms.layerPaths(`${registry.host}/app:whole`).map((path) => existsSync(`${path}/f`))).toEqual([true]);
  const [layer] = image.layers;
  expect(rooms.content.list().map(({ digest }) => String(digest))).toContain(layer?.digest ?? '');
});

test('a pull that waits for a layer of another one goes its own way when that one fails', async () => {
  using rooms = openImageRooms();
  const [layer] = image.layers;
  if (layer === undefined) throw new Error('unreachable: it has a layer');
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  using liar = startBrokenRegistry(image, async () => {
    asked.resolve();
    await gate.promise;
    return new Response(Buffer.alloc(layer.bytes.length));
  });
  using honest = startBrokenRegistry(image, (bytes) => new Response(bytes));
  const failing = rooms.pull(`${liar.host}/app`).catch(String);
  await asked.promise;
  const pulling = rooms.pull(`${honest.host}/app`);
  await waitFor('the second pull to come to its layers', () => honest.requests.length >= 2);
  gate.resolve();
  await pulling;
  expect(await failing).toContain('cannot');
  expect(rooms.images.list().map(({ tags }) => tags)).toEqual([[`${honest.host}/app:latest`]]);
});
