import { afterAll, expect, test } from 'bun:test';
import {
  errorCode,
  pushBlob,
  pushImage,
  pushParts,
  putManifest,
  randomBlob,
  startRegistry,
  types,
} from './registry-server.ts';

const registry = await startRegistry();
afterAll(() => registry[Symbol.asyncDispose]());

test('the root says that this is a registry', async () => {
  const response = await registry.request('GET', '/v2/');
  expect([response.status, response.headers.get('docker-distribution-api-version')]).toEqual([200, 'registry/2.0']);
});

test('a head tells size, type and digest of a manifest and of a blob', async () => {
  const { manifest, digest, layer } = await pushImage(registry, 'heads', 'v1');
  const head = await registry.request('HEAD', '/v2/heads/manifests/v1');
  expect([head.status, head.headers.get('content-length'), head.headers.get('content-type')]).toEqual([
    200,
    String(manifest.length),
    types.manifest,
  ]);
  expect(head.headers.get('docker-content-digest')).toBe(digest);
  const blob = await registry.request('HEAD', `/v2/heads/blobs/${layer}`);
  expect([blob.status, blob.headers.get('content-length')]).toEqual([200, '1000']);
  expect(blob.headers.get('docker-content-digest')).toBe(layer);
});

test('what a client has already is not sent again', async () => {
  const { layer } = await pushImage(registry, 'etags', 'v1');
  for (const path of ['/v2/etags/manifests/v1', `/v2/etags/blobs/${layer}`]) {
    const etag = (await registry.request('GET', path)).headers.get('etag') ?? '';
    const again = await registry.request('GET', path, { headers: { 'if-none-match': `"x", ${etag}` } });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await registry.request('GET', path, { headers: { 'if-none-match': '"x"' } })).status).toBe(200);
  }
});

test('a part of a blob is sent as 206, and one that it does not have as 416', async () => {
  const { bytes, digest } = randomBlob(200_000);
  await pushBlob(registry, 'ranges', bytes);
  const get = (headers: Record<string, string>): Promise<Response> =>
    registry.request('GET', `/v2/ranges/blobs/${digest}`, { headers });
  const rows = [
    ['bytes=0-0', 0, 1],
    ['bytes=100-199', 100, 200],
    ['bytes=199000-', 199_000, 200_000],
    ['bytes=-500', 199_500, 200_000],
  ] as const;
  for (const [range, from, to] of rows) {
    const part = await get({ range });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${from}-${to - 1}/200000`]);
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(from, to))).toBe(true);
  }
  const beyond = await get({ range: 'bytes=200000-' });
  expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */200000']);
  expect((await get({ range: 'bytes=0-1', 'if-range': '"other"' })).status).toBe(200);
});

test('an empty blob is a blob', async () => {
  const digest = await pushBlob(registry, 'empty', new Uint8Array(0));
  const response = await registry.request('GET', `/v2/empty/blobs/${digest}`);
  expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, 0]);
});

test('what is not there says which kind of thing is not there', async () => {
  await pushImage(registry, 'there', 'v1');
  const { digest } = randomBlob(10);
  const rows = [
    ['/v2/there/manifests/v2', 'MANIFEST_UNKNOWN'],
    [`/v2/there/manifests/${digest}`, 'MANIFEST_UNKNOWN'],
    ['/v2/nowhere/manifests/v1', 'NAME_UNKNOWN'],
    ['/v2/nowhere/tags/list', 'NAME_UNKNOWN'],
    [`/v2/there/blobs/${digest}`, 'BLOB_UNKNOWN'],
    ['/v2/there/blobs/uploads/6f1f0a5e-0000-4000-8000-000000000000', 'BLOB_UPLOAD_UNKNOWN'],
  ] as const;
  for (const [path, code] of rows) {
    const response = await registry.request('GET', path);
    expect([path, response.status, await errorCode(response)]).toEqual([path, 404, code]);
  }
  const wrong = await registry.request('POST', '/v2/there/manifests/v1');
  expect([wrong.status, wrong.headers.get('allow'), await errorCode(wrong)]).toEqual([
    405,
    'GET, HEAD, PUT, DELETE',
    'UNSUPPORTED',
  ]);
});

test('a tag, a manifest with all its tags, and a blob are deleted for good', async () => {
  const { digest, manifest, layer } = await pushImage(registry, 'deleted', 'v1');
  for (const tag of ['v2', 'v3']) await putManifest(registry, `/v2/deleted/manifests/${tag}`, { body: manifest });
  const statusOf = async (path: string): Promise<number> =>
    (await registry.request('GET', `/v2/deleted/${path}`)).status;
  expect((await registry.request('DELETE', '/v2/deleted/manifests/v1')).status).toBe(202);
  expect([
    await statusOf('manifests/v1'),
    await statusOf('manifests/v2'),
    await statusOf(`manifests/${digest}`),
  ]).toEqual([404, 200, 200]);
  expect((await registry.request('DELETE', `/v2/deleted/manifests/${digest}`)).status).toBe(202);
  expect([
    await statusOf('manifests/v2'),
    await statusOf('manifests/v3'),
    await statusOf(`manifests/${digest}`),
  ]).toEqual([404, 404, 404]);
  expect(await (await registry.request('GET', '/v2/deleted/tags/list')).json()).toEqual({ name: 'deleted', tags: [] });
  expect((await registry.request('DELETE', `/v2/deleted/blobs/${layer}`)).status).toBe(202);
  expect(await statusOf(`blobs/${layer}`)).toBe(404);
  for (const path of ['manifests/v1', `manifests/${digest}`, `blobs/${layer}`])
    expect((await registry.request('DELETE', `/v2/deleted/${path}`)).status).toBe(404);
});

test('a deleted blob stays where another repository has it', async () => {
  const { bytes, digest } = randomBlob(100);
  for (const name of ['both/a', 'both/b']) await pushBlob(registry, name, bytes);
  await registry.request('DELETE', `/v2/both/a/blobs/${digest}`);
  expect((await registry.request('GET', `/v2/both/a/blobs/${digest}`)).status).toBe(404);
  expect((await registry.request('GET', `/v2/both/b/blobs/${digest}`)).status).toBe(200);
});

test('a manifest that is pushed again after its deletion is there again', async () => {
  const { digest, manifest } = await pushParts(registry, 'again');
  for (let turn = 0; turn < 3; turn++) {
    expect((await putManifest(registry, '/v2/again/manifests/v1', { body: manifest })).status).toBe(201);
    expect((await registry.request('GET', '/v2/again/manifests/v1')).status).toBe(200);
    await registry.request('DELETE', `/v2/again/manifests/${digest}`);
    expect((await registry.request('GET', '/v2/again/manifests/v1')).status).toBe(404);
  }
});
