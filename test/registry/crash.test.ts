import { afterAll, expect, test } from 'bun:test';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../harness/wait-for.ts';
import { openRaw } from './raw-request.ts';
import { digestOf, pushImage, pushParts, putManifest, randomBlob, startRegistry } from './registry-server.ts';

const registry = await startRegistry();
afterAll(() => registry[Symbol.asyncDispose]());

async function restart(): Promise<void> {
  await registry.end('SIGKILL');
  await registry.start();
}

test('an upload that a kill broke off goes on after the restart, where it stood', async () => {
  const { bytes, digest } = randomBlob(3_000_000);
  const location = (await registry.request('POST', '/v2/crash/blobs/uploads/')).headers.get('location') ?? '';
  const data = join(registry.data, 'uploads', location.split('/').at(-1) ?? '', 'data');
  using raw = await openRaw(registry.url());
  raw.write(`PATCH ${location} HTTP/1.1\r\nHost: r\r\nContent-Length: 3000000\r\n\r\n`);
  raw.write(bytes.subarray(0, 100_000));
  await waitFor('some of it is on disk', () => statSync(data).size > 0);
  await restart();
  const range = (await registry.request('GET', location)).headers.get('range') ?? '';
  const from = Number(range.split('-')[1]) + 1;
  expect(from).toBeGreaterThan(1);
  const put = await registry.request('PUT', `${location}?digest=${digest}`, {
    body: bytes.slice(from),
    headers: { 'content-range': `${from}-2999999` },
  });
  expect(put.status).toBe(201);
  const got = await registry.request('GET', `/v2/crash/blobs/${digest}`);
  expect(digestOf(new Uint8Array(await got.arrayBuffer()))).toBe(digest);
});

test('what was acknowledged before a kill is there after it', async () => {
  const image = await pushImage(registry, 'kept', 'v1');
  await restart();
  expect(await (await registry.request('GET', '/v2/kept/manifests/v1')).text()).toBe(image.manifest);
  const layer = await registry.request('GET', `/v2/kept/blobs/${image.layer}`);
  expect(Buffer.from(await layer.arrayBuffer()).equals(image.layerBytes)).toBe(true);
  expect(await (await registry.request('GET', '/v2/kept/tags/list')).json()).toEqual({ name: 'kept', tags: ['v1'] });
});

test('a kill at any moment of a push leaves an image that is whole, or none', async () => {
  for (let turn = 0; turn < 8; turn++) {
    const tag = `v${turn}`;
    const { manifest, layer } = await pushParts(registry, 'torn');
    const put = putManifest(registry, `/v2/torn/manifests/${tag}`, { body: manifest }).catch(() => undefined);
    // Each turn kills it a little later on the manifest's way.
    for (let tick = 0; tick < turn * 4; tick++) await new Promise((resolve) => setImmediate(resolve));
    await restart();
    const acknowledged = (await put)?.status === 201;
    const got = await registry.request('GET', `/v2/torn/manifests/${tag}`);
    if (acknowledged) expect(got.status).toBe(200);
    if (got.status !== 200) continue;
    expect(await got.text()).toBe(manifest);
    expect((await registry.request('GET', `/v2/torn/blobs/${layer}`)).status).toBe(200);
  }
});

test('half-written files are swept at the start, and a link of nothing is not found', async () => {
  const { digest } = await pushImage(registry, 'dangling', 'v1');
  await registry.end('SIGKILL');
  writeFileSync(join(registry.data, 'temporary/half'), 'x');
  const hex = digest.slice('sha256:'.length);
  rmSync(join(registry.data, 'repositories/dangling/_manifests/sha256', hex));
  await registry.start();
  expect(readdirSync(join(registry.data, 'temporary'))).toEqual([]);
  expect((await registry.request('GET', '/v2/dangling/manifests/v1')).status).toBe(404);
  expect((await registry.gc()).exitCode).toBe(0);
  expect(await (await registry.request('GET', '/v2/dangling/tags/list')).json()).toEqual({
    name: 'dangling',
    tags: [],
  });
});
