import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { type ClientName, startEngine, type TestEngine } from '../harness/engine.ts';
import { startRegistry, type TestRegistry } from '../registry/registry-server.ts';
import {
  type Blob,
  jsonBlob,
  type MadeLayer,
  makeImage,
  makeLayer,
  makeTar,
  pushBlob,
  pushManifest,
} from './made-image.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

const clients: readonly ClientName[] = ['docker', 'gantry'];
let registry: TestRegistry;
let engine: TestEngine;
let host: string;
let files: ReturnType<typeof Bun.serve>;
const served = new Map<string, Uint8Array>();
const seen: { readonly path: string; readonly authorization: string | null }[] = [];

beforeAll(async () => {
  registry = await startRegistry();
  host = new URL(registry.url()).host;
  // Others get such layers only where the operator says so.
  engine = await startEngine({
    busybox: false,
    daemonArguments: ['--allow-nondistributable-artifacts', `not-${host}`],
  });
  files = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) => {
      const path = new URL(request.url).pathname;
      seen.push({ path, authorization: request.headers.get('authorization') });
      return new Response(served.get(path), { status: 200 });
    },
  });
});
afterAll(async () => {
  await files?.stop(true);
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

const nondistributable = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';

type Theirs = { readonly name: string; readonly own: MadeLayer; readonly foreign: MadeLayer; readonly manifest: Blob };

/** An image whose second layer is nowhere but at `path` of another server. */
async function theirs(repository: string, path: string): Promise<Theirs> {
  const own = makeLayer(makeTar([{ kind: 'file', path: 'own', text: repository }]));
  const foreign = makeLayer(makeTar([{ kind: 'file', path: 'foreign', text: repository }]));
  const image = makeImage([own, foreign]);
  const document = JSON.parse(Buffer.from(image.manifest.bytes).toString()) as { layers: object[] };
  const urls = [new URL(path, files.url).href];
  const layers = [document.layers[0], { ...document.layers[1], mediaType: nondistributable, urls }];
  const manifest = jsonBlob(image.manifest.mediaType, { ...document, layers });
  const url = `http://${host}/v2/${repository}`;
  for (const blob of [image.config, own]) await pushBlob(url, blob);
  await pushManifest(url, 'latest', manifest);
  return { name: `${host}/${repository}`, own, foreign, manifest };
}

test.each(clients)('%s pulls a layer from where its image says, and names it in a push', async (client) => {
  const { name, foreign, manifest } = await theirs(`from-${client}`, `/layer-${client}`);
  served.set(`/layer-${client}`, foreign.bytes);
  const pulled = await engine.output(client, ['pull', name]);
  expect(pulled).toContain(`${foreign.digest.slice(7, 19)}: Pull complete`);
  const path = `/layer-${client}`;
  expect(seen.filter((request) => request.path === path)).toEqual([{ path, authorization: null }]);
  const copy = `${host}/copy-${client}`;
  await engine.output(client, ['tag', name, copy]);
  const pushed = await engine.output(client, ['push', copy]);
  expect(pushed).toContain(`${foreign.diffId.slice(7, 19)}: Skipped foreign layer`);
  expect(pushed).toContain(manifest.digest);
  expect((await registry.request('HEAD', `/v2/copy-${client}/blobs/${foreign.digest}`)).status).toBe(404);
});

test('a layer that is elsewhere with other bytes is refused, and leaves nothing', async () => {
  const { name, foreign } = await theirs('lies', '/lies');
  const wrong = new Uint8Array(foreign.bytes);
  wrong[wrong.length - 5] = (wrong.at(-5) ?? 0) ^ 1;
  served.set('/lies', wrong);
  const refused = await engine.run('docker', ['pull', name]);
  expect(refused.exitCode).toBe(1);
  expect(await engine.output('docker', ['images', '-q', name])).toBe('');
  served.set('/lies', new Uint8Array([...foreign.bytes, 0]));
  expect((await engine.run('docker', ['pull', name])).stderr).toContain('is larger than its stated');
});

test('where the operator allows it, the layer itself is sent', async () => {
  const arguments_ = ['--allow-nondistributable-artifacts', '127.0.0.0/8'];
  await using allowed = await startEngine({ busybox: false, daemonArguments: arguments_ });
  const { name, foreign, manifest } = await theirs('allowed', '/allowed');
  served.set('/allowed', foreign.bytes);
  await allowed.output('docker', ['pull', '-q', name]);
  await allowed.output('docker', ['tag', name, `${host}/sent`]);
  const pushed = await allowed.output('docker', ['push', `${host}/sent`]);
  expect(pushed).toContain(`${foreign.diffId.slice(7, 19)}: Pushed`);
  expect(pushed).toContain(manifest.digest);
  expect((await registry.request('HEAD', `/v2/sent/blobs/${foreign.digest}`)).status).toBe(200);
  // What the registry has is not fetched elsewhere.
  served.delete('/allowed');
  await allowed.output('docker', ['rmi', name, `${host}/sent`]);
  await allowed.output('docker', ['pull', '-q', `${host}/sent`]);
});
