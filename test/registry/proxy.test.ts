import { afterAll, expect, test } from 'bun:test';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../harness/wait-for.ts';
import {
  digestOf,
  errorCode,
  pushImage,
  pushParts,
  putManifest,
  startRegistry,
  type TestRegistry,
  types,
} from './registry-server.ts';

const source = await startRegistry({ argv: ['--allow-sparse'] });
const cache = await startRegistry({ argv: ['--proxy', source.url(), '--proxy-fresh', '0'] });
afterAll(async () => {
  await cache[Symbol.asyncDispose]();
  await source[Symbol.asyncDispose]();
});

function contentPath(data: string, digest: string): string {
  const hex = digest.slice('sha256:'.length);
  return join(data, 'blobs/sha256', hex.slice(0, 2), hex);
}

test('what is pulled through is passed on whole, and kept', async () => {
  const image = await pushImage(source, 'lib/app', 'v1');
  const manifest = await cache.request('GET', '/v2/lib/app/manifests/v1');
  expect([manifest.status, manifest.headers.get('content-type'), await manifest.text()]).toEqual([
    200,
    types.manifest,
    image.manifest,
  ]);
  const head = await cache.request('HEAD', `/v2/lib/app/blobs/${image.layer}`);
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '1000']);
  expect(existsSync(contentPath(cache.data, image.layer))).toBe(false);
  const part = await cache.request('GET', `/v2/lib/app/blobs/${image.layer}`, { headers: { range: 'bytes=10-19' } });
  expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 10-19/1000']);
  expect(Buffer.from(await part.arrayBuffer()).equals(image.layerBytes.subarray(10, 20))).toBe(true);
  const blobs = await Promise.all(
    Array.from({ length: 5 }, async () =>
      (await cache.request('GET', `/v2/lib/app/blobs/${image.layer}`)).arrayBuffer(),
    ),
  );
  for (const bytes of blobs) expect(digestOf(new Uint8Array(bytes))).toBe(image.layer);
  await waitFor('the blob is kept', () => existsSync(contentPath(cache.data, image.layer)));
  expect(readdirSync(join(cache.data, 'temporary'))).toEqual([]);
});

test('a tag that moves upstream moves here, and one that is gone there is gone here', async () => {
  await pushImage(source, 'moving', 'v1');
  expect((await cache.request('GET', '/v2/moving/manifests/v1')).status).toBe(200);
  const { digest } = await pushImage(source, 'moving', 'v1');
  const moved = await cache.request('HEAD', '/v2/moving/manifests/v1');
  expect(moved.headers.get('docker-content-digest')).toBe(digest);
  await source.request('DELETE', '/v2/moving/manifests/v1');
  expect((await cache.request('GET', '/v2/moving/manifests/v1')).status).toBe(404);
  expect((await cache.request('GET', `/v2/moving/manifests/${digest}`)).status).toBe(200);
});

test('tags are listed as upstream has them; nothing is pushed through', async () => {
  const { manifest } = await pushImage(source, 'listed', 'a');
  await putManifest(source, '/v2/listed/manifests/b', { body: manifest });
  expect(await (await cache.request('GET', '/v2/listed/tags/list')).json()).toEqual({
    name: 'listed',
    tags: ['a', 'b'],
  });
  const refused = [
    await cache.request('POST', '/v2/listed/blobs/uploads/'),
    await putManifest(cache, '/v2/listed/manifests/a', { body: manifest }),
  ];
  for (const response of refused) expect([response.status, await errorCode(response)]).toEqual([405, 'UNSUPPORTED']);
});

test('referrers are listed as upstream has them, also one that keeps them under a tag', async () => {
  const subject = await pushImage(source, 'signed', 'v1');
  const about = { mediaType: types.manifest, digest: subject.digest, size: subject.manifest.length };
  const more = { subject: about, artifactType: 'test/signature', annotations: { by: 'us' } };
  const { manifest, digest } = await pushParts(source, 'signed', more);
  await putManifest(source, `/v2/signed/manifests/${digest}`, { body: manifest });
  const list = async (from: TestRegistry, query = ''): Promise<unknown> =>
    await (await from.request('GET', `/v2/signed/referrers/${subject.digest}${query}`)).json();
  expect(await list(cache)).toEqual(await list(source));
  expect(await list(cache, '?artifactType=test/signature')).toMatchObject({ manifests: [{ digest }] });
  expect(await list(cache, '?artifactType=other')).toMatchObject({ manifests: [] });
  const kept = await cache.request('GET', `/v2/signed/manifests/${digest}`);
  expect(await kept.text()).toBe(manifest);
  using old = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: ({ url }) =>
      url.endsWith(`/manifests/${subject.digest.replace(':', '-')}`)
        ? Response.json(
            { schemaVersion: 2, mediaType: types.index, manifests: [about] },
            { headers: { 'content-type': types.index } },
          )
        : new Response('', { status: 404 }),
  });
  await using second = await startRegistry({ argv: ['--proxy', `http://127.0.0.1:${old.port}`] });
  expect(await list(second)).toMatchObject({ manifests: [about] });
});

test('bytes that do not have their digest are not passed on whole, and not kept', async () => {
  const image = await pushImage(source, 'rotten', 'v1');
  await cache.request('GET', '/v2/rotten/manifests/v1');
  writeFileSync(contentPath(source.data, image.layer), Buffer.alloc(1000, 'x'));
  const got = await cache
    .request('GET', `/v2/rotten/blobs/${image.layer}`)
    .then((response) => response.arrayBuffer())
    .then(
      (bytes) => bytes.byteLength,
      () => 0,
    );
  expect(got).toBeLessThan(1000);
  expect(cache.log()).toContain('the upstream registry sent other bytes than those of this digest');
  expect(existsSync(contentPath(cache.data, image.layer))).toBe(false);
});

test('a manifest that names bytes of another repository does not open them', async () => {
  const secret = await pushImage(source, 'secret/app', 'v1');
  await cache.request('GET', '/v2/secret/app/manifests/v1');
  await (await cache.request('GET', `/v2/secret/app/blobs/${secret.layer}`)).arrayBuffer();
  await waitFor('the blob is kept', () => existsSync(contentPath(cache.data, secret.layer)));
  // This upstream takes manifests whose blobs it does not have.
  const { manifest, layer } = await pushImage(source, 'thief/app', 'v1');
  const stolen = manifest.replace(layer, secret.layer);
  expect((await putManifest(source, '/v2/thief/app/manifests/v1', { body: stolen })).status).toBe(201);
  expect(await (await cache.request('GET', '/v2/thief/app/manifests/v1')).text()).toBe(stolen);
  const theft = await cache.request('GET', `/v2/thief/app/blobs/${secret.layer}`);
  expect([theft.status, await errorCode(theft)]).toEqual([404, 'BLOB_UNKNOWN']);
});

test('what nobody asks for is given up', async () => {
  await using small = await startRegistry({ argv: ['--proxy', source.url(), '--proxy-keep', '1ms'] });
  const image = await pushImage(source, 'given/up', 'v1');
  await small.request('GET', '/v2/given/up/manifests/v1');
  await (await small.request('GET', `/v2/given/up/blobs/${image.layer}`)).arrayBuffer();
  await waitFor('the blob is kept', () => existsSync(contentPath(small.data, image.layer)));
  expect((await small.gc('--gc-grace', '0')).stdout).toStartWith('removed 1 manifests, 1 links, 2 blobs');
  expect(existsSync(contentPath(small.data, image.layer))).toBe(false);
  expect((await small.request('GET', '/v2/given/up/manifests/v1')).status).toBe(200);
});

test('what is kept is served when upstream is gone, with a warning where it may be old', async () => {
  const image = await pushImage(source, 'kept', 'v1');
  await cache.request('GET', '/v2/kept/manifests/v1');
  await (await cache.request('GET', `/v2/kept/blobs/${image.layer}`)).arrayBuffer();
  await waitFor('the blob is kept', () => existsSync(contentPath(cache.data, image.layer)));
  await source.end('SIGTERM');
  const manifest = await cache.request('GET', '/v2/kept/manifests/v1');
  expect([manifest.status, manifest.headers.get('warning')]).toEqual([
    200,
    '299 - "the upstream registry cannot be reached: this is what it sent last"',
  ]);
  const blob = await cache.request('GET', `/v2/kept/blobs/${image.layer}`);
  expect(digestOf(new Uint8Array(await blob.arrayBuffer()))).toBe(image.layer);
  expect(await (await cache.request('GET', '/v2/kept/tags/list')).json()).toEqual({ name: 'kept', tags: ['v1'] });
  const referrers = await cache.request('GET', `/v2/kept/referrers/${image.digest}`);
  expect([referrers.status, referrers.headers.get('warning')]).toEqual([200, manifest.headers.get('warning')]);
  const unknown = await cache.request('GET', '/v2/never/manifests/v1');
  expect([unknown.status, await errorCode(unknown)]).toEqual([502, 'UNKNOWN']);
});
