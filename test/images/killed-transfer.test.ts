import { expect, setDefaultTimeout, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalRegistry } from '../../tools/local-registry.ts';
import { gantryProgram, startEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';
import { ranged, startBrokenRegistry } from './broken-registry.ts';
import { openImageRooms } from './image-rooms.ts';
import { makeImage, makeLayer, makeTar, pushImage } from './made-image.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

const noise = makeLayer(makeTar([{ kind: 'file', path: 'noise', text: randomBytes(3 * 2 ** 20).toString('latin1') }]));
const image = makeImage([noise]);

/** Sends so much of a body and then nothing more, without ending it. */
function stalling(bytes: Uint8Array): Response {
  let isSent = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (isSent) return new Promise(() => undefined);
      isSent = true;
      controller.enqueue(bytes);
    },
  });
  return new Response(body);
}

test('a pull goes on where the daemon was killed', async () => {
  await using engine = await startEngine({ busybox: false });
  let isStalled = true;
  using registry = startBrokenRegistry(image, (bytes, request) =>
    isStalled ? stalling(bytes.subarray(0, 1_000_000)) : ranged(bytes, request),
  );
  const name = `${registry.host}/app`;
  const partial = join(engine.dataRoot, 'ingest', `${noise.digest.slice('sha256:'.length)}.partial`);
  const pulling = engine.run('docker', ['pull', name]);
  await waitFor('half of the layer is on disk', () => {
    try {
      return statSync(partial).size === 1_000_000;
    } catch {
      return false; // not there yet
    }
  });
  await engine.kill9();
  expect((await pulling).exitCode).not.toBe(0);
  isStalled = false;
  await engine.start();
  await engine.output('docker', ['pull', name]);
  expect(registry.requests.filter((line) => line.startsWith('blobs') && line.includes('bytes='))).toEqual([
    expect.stringContaining('bytes=1000000-'),
  ]);
  expect(await engine.output('docker', ['images', '-q', name])).not.toBe('');
});

test('a pull whose client was killed is gone on with by the next one, from another host', async () => {
  await using undo = new AsyncDisposableStack();
  const engine = undo.use(await startEngine({ busybox: false }));
  const registry = undo.use(await startLocalRegistry(join(engine.root, 'registry')));
  await pushImage(`http://${registry.host}/v2/app`, 'latest', image);
  let sentBytes = 0;
  const front = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    fetch: async ({ url, headers }) => {
      const reply = await fetch(`http://${registry.host}${new URL(url).pathname}`, { headers, decompress: false });
      if (!url.endsWith(noise.digest)) return reply;
      const bytes = await reply.bytes();
      sentBytes += bytes.length;
      return new Response(bytes, reply);
    },
  });
  undo.defer(() => void front.stop(true));
  using stalled = startBrokenRegistry(image, (bytes) => stalling(bytes.subarray(0, 1_000_000)));
  const partial = join(engine.dataRoot, 'ingest', `${noise.digest.slice('sha256:'.length)}.partial`);
  for (const client of ['docker', gantryProgram]) {
    const pulling = Bun.spawn([client, '-H', engine.host, 'pull', `${stalled.host}/app`], { stdout: 'ignore' });
    await waitFor('what was sent is on the disk', () => existsSync(partial) && statSync(partial).size === 1_000_000);
    pulling.kill('SIGKILL');
    await pulling.exited;
    sentBytes = 0;
    const name = `127.0.0.1:${front.port}/app`;
    await engine.output('docker', ['pull', name]);
    expect(sentBytes).toBe(noise.bytes.length - 1_000_000);
    await engine.output('docker', ['rmi', name]);
  }
});

test('a client that leaves in the middle of a push ends it, and leaves nothing behind', async () => {
  using rooms = openImageRooms();
  const arrived = Promise.withResolvers<void>();
  using front = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    fetch: (request) => {
      if (request.method === 'HEAD') return new Response('', { status: 404 });
      if (request.method === 'POST') return new Response('', { status: 202, headers: { location: '/v2/upload' } });
      arrived.resolve();
      return new Promise<Response>(() => undefined);
    },
  });
  const name = `127.0.0.1:${front.port}/app`;
  const archive = (async function* () {
    yield makeTar([{ kind: 'file', path: 'f', text: 'x'.repeat(1_000_000) }]);
  })();
  const never = new AbortController().signal;
  await rooms.images.import(
    { archive, reference: name, message: '', changes: [], platform: '' },
    () => undefined,
    never,
  );
  const before = rooms.leftovers();
  const leaving = new AbortController();
  const request = { name, tag: 'latest', platform: undefined, auth: undefined };
  const pushing = rooms.images.push(request, () => undefined, leaving.signal);
  await arrived.promise;
  leaving.abort();
  await expect(pushing).rejects.toMatchObject({ code: 'cancelled' });
  expect(rooms.leftovers()).toEqual(before);
  expect(rooms.jobs.list()).toEqual([]);
});

test('a push that died with the daemon is done again, and finds what it had sent', async () => {
  const storage = mkdtempSync(join(tmpdir(), 'gantry-registry-'));
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rmSync(storage, { recursive: true }));
  const registry = undo.use(await startLocalRegistry(storage));
  const engine = undo.use(await startEngine({ busybox: false }));
  // What stands in between holds back the last layer, so that the others are there when the daemon dies.
  const halted = Promise.withResolvers<void>();
  let uploads = 0;
  const front = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const { method, headers, body } = request;
      if (method === 'PATCH' && ++uploads === 2) {
        halted.resolve();
        await new Promise(() => undefined);
      }
      return await fetch(`http://${registry.host}${pathname}${search}`, { method, headers, body, decompress: false });
    },
  });
  undo.defer(() => void front.stop(true));
  const name = `127.0.0.1:${front.port}/app`;
  const tar = makeTar([{ kind: 'file', path: 'f', text: 'x' }]);
  await engine.output('docker', ['import', '-', name], { stdin: tar });
  const pushing = engine.run('docker', ['push', name]);
  await halted.promise;
  await engine.kill9();
  expect((await pushing).exitCode).not.toBe(0);
  await engine.start();
  const again = await engine.output('docker', ['push', name]);
  expect(again).toContain('Layer already exists');
  expect(again).toContain('digest: sha256:');
});
