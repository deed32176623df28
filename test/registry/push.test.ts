import { afterAll, expect, test } from 'bun:test';
import {
  digestOf,
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

const octets = { 'content-type': 'application/octet-stream' };

async function startUpload(name: string): Promise<string> {
  const response = await registry.request('POST', `/v2/${name}/blobs/uploads/`);
  expect(response.status).toBe(202);
  expect(response.headers.get('range')).toBe('0-0');
  const location = response.headers.get('location') ?? '';
  expect(location).toEndWith(response.headers.get('docker-upload-uuid') ?? 'none');
  return location;
}

async function expectBlob(name: string, digest: string, bytes: Uint8Array): Promise<void> {
  const response = await registry.request('GET', `/v2/${name}/blobs/${digest}`);
  expect(response.status).toBe(200);
  expect(response.headers.get('docker-content-digest')).toBe(digest);
  expect(digestOf(new Uint8Array(await response.arrayBuffer()))).toBe(digestOf(bytes));
}

test('a blob is pushed with one POST, with POST and PUT, and by a stream', async () => {
  const { bytes, digest } = randomBlob(100_000);
  await pushBlob(registry, 'push/one', bytes);
  await expectBlob('push/one', digest, bytes);

  const put = await registry.request('PUT', `${await startUpload('push/two')}?digest=${digest}`, {
    body: bytes,
    headers: octets,
  });
  expect([put.status, put.headers.get('location')]).toEqual([201, `/v2/push/two/blobs/${digest}`]);
  await expectBlob('push/two', digest, bytes);

  const location = await startUpload('push/three');
  const patch = await registry.request('PATCH', location, { body: bytes, headers: octets });
  expect([patch.status, patch.headers.get('range')]).toEqual([202, '0-99999']);
  expect((await registry.request('PUT', `${location}?digest=${encodeURIComponent(digest)}`)).status).toBe(201);
  await expectBlob('push/three', digest, bytes);
});

test('chunks are taken in order only, and the status says where to go on', async () => {
  const { bytes, digest } = randomBlob(3000);
  const location = await startUpload('chunks');
  const send = (how: string, from: number, to: number): Promise<Response> =>
    registry.request(how === 'PATCH' ? 'PATCH' : 'PUT', how === 'PATCH' ? location : `${location}?digest=${how}`, {
      body: bytes.slice(from, to),
      headers: { ...octets, 'content-range': `${from}-${to - 1}` },
    });
  expect((await send('PATCH', 0, 1000)).headers.get('range')).toBe('0-999');
  const ahead = await send('PATCH', 2000, 3000);
  expect([ahead.status, ahead.headers.get('range')]).toEqual([416, '0-999']);
  expect((await send('PATCH', 0, 1000)).status).toBe(416);
  const status = await registry.request('GET', location);
  expect([status.status, status.headers.get('range'), status.headers.get('location')]).toEqual([
    204,
    '0-999',
    location,
  ]);
  expect((await send('PATCH', 1000, 2000)).status).toBe(202);
  expect((await send(digest, 1000, 2000)).status).toBe(416);
  expect((await send(digest, 2000, 3000)).status).toBe(201);
  await expectBlob('chunks', digest, bytes);
  expect((await registry.request('GET', location)).status).toBe(404);
});

test('a wrong digest leaves the upload as it was, so that the right one can follow', async () => {
  const { bytes, digest } = randomBlob(2000);
  const location = await startUpload('wrong');
  await registry.request('PATCH', location, { body: bytes.slice(0, 1000), headers: octets });
  const wrong = await registry.request('PUT', `${location}?digest=${digestOf('x')}`, {
    body: bytes.slice(1000),
    headers: octets,
  });
  expect([wrong.status, await errorCode(wrong)]).toEqual([400, 'DIGEST_INVALID']);
  expect((await registry.request('GET', location)).headers.get('range')).toBe('0-999');
  const right = await registry.request('PUT', `${location}?digest=${digest}`, {
    body: bytes.slice(1000),
    headers: octets,
  });
  expect(right.status).toBe(201);
  await expectBlob('wrong', digest, bytes);
});

test('an upload belongs to its repository, and can be cancelled', async () => {
  const location = await startUpload('mine');
  expect((await registry.request('PATCH', location.replace('mine', 'yours'), { body: 'x' })).status).toBe(404);
  expect((await registry.request('DELETE', location)).status).toBe(204);
  const gone = await registry.request('PATCH', location, { body: 'x' });
  expect([gone.status, await errorCode(gone)]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
});

test('sha512 is an algorithm like the other', async () => {
  const { bytes } = randomBlob(5000);
  const digest = digestOf(bytes, 'sha512');
  const started = await registry.request('POST', '/v2/algorithms/blobs/uploads/?digest-algorithm=sha512');
  const location = started.headers.get('location') ?? '';
  await registry.request('PATCH', location, { body: bytes, headers: octets });
  expect((await registry.request('PUT', `${location}?digest=${digest}`)).status).toBe(201);
  await expectBlob('algorithms', digest, bytes);
  const unknown = await registry.request('POST', '/v2/algorithms/blobs/uploads/?digest-algorithm=md5');
  expect([unknown.status, await errorCode(unknown)]).toEqual([400, 'DIGEST_INVALID']);
});

test('a blob is mounted from the repository that is named, and from any when none is', async () => {
  const { bytes, digest } = randomBlob(1000);
  await pushBlob(registry, 'mount/source', bytes);
  for (const [name, from] of [
    ['mount/named', '&from=mount/source'],
    ['mount/any', ''],
  ] as const) {
    const mounted = await registry.request('POST', `/v2/${name}/blobs/uploads/?mount=${digest}${from}`);
    expect([mounted.status, mounted.headers.get('location')]).toEqual([201, `/v2/${name}/blobs/${digest}`]);
    await expectBlob(name, digest, bytes);
  }
  const missing = await registry.request('POST', `/v2/mount/none/blobs/uploads/?mount=${digestOf('nobody has it')}`);
  expect([missing.status, missing.headers.has('docker-upload-uuid')]).toEqual([202, true]);
});

test('a blob that another repository has is not readable without being mounted', async () => {
  const { bytes, digest } = randomBlob(1000);
  await pushBlob(registry, 'secret', bytes);
  expect((await registry.request('GET', `/v2/elsewhere/blobs/${digest}`)).status).toBe(404);
});

test('a manifest is stored to the byte, under its tag and its digest', async () => {
  const { manifest, digest } = await pushParts(registry, 'manifests');
  const spaced = `${manifest}\n \n`;
  const put = await putManifest(registry, '/v2/manifests/manifests/v1', { body: spaced });
  expect([put.status, put.headers.get('docker-content-digest')]).toEqual([201, digestOf(spaced)]);
  for (const reference of ['v1', digestOf(spaced)]) {
    const got = await registry.request('GET', `/v2/manifests/manifests/${reference}`);
    expect([got.headers.get('content-type'), await got.text()]).toEqual([types.manifest, spaced]);
  }
  expect((await registry.request('GET', `/v2/manifests/manifests/${digest}`)).status).toBe(404);
});

test('a manifest by digest takes tags along, and one whose digest differs is refused', async () => {
  const { manifest, digest } = await pushParts(registry, 'tagged');
  const put = await putManifest(registry, `/v2/tagged/manifests/${digest}?tag=a&tag=b`, { body: manifest });
  expect([put.status, put.headers.get('oci-tag')]).toEqual([201, 'a, b']);
  expect((await registry.request('HEAD', '/v2/tagged/manifests/b')).headers.get('docker-content-digest')).toBe(digest);
  const other = await putManifest(registry, `/v2/tagged/manifests/${digestOf('x')}`, { body: manifest });
  expect([other.status, await errorCode(other)]).toEqual([400, 'DIGEST_INVALID']);
  const many = Array.from({ length: 101 }, (_, index) => `tag=t${index}`).join('&');
  expect((await putManifest(registry, `/v2/tagged/manifests/${digest}?${many}`, { body: manifest })).status).toBe(414);
});

test('a manifest whose parts are not in its repository is refused, and so is one that lies about a size', async () => {
  const { manifest, layer } = await pushParts(registry, 'whole');
  const elsewhere = await putManifest(registry, '/v2/other/manifests/v1', { body: manifest });
  expect([elsewhere.status, await errorCode(elsewhere)]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN']);
  const lie = manifest.replace('"size":1000', '"size":1001');
  const refused = await putManifest(registry, '/v2/whole/manifests/v1', { body: lie });
  expect([refused.status, await errorCode(refused)]).toEqual([400, 'SIZE_INVALID']);
  expect(manifest).toContain(layer);
});

test('an index needs its manifests, and Docker’s forms are taken as they are', async () => {
  const { manifest, digest } = await pushParts(registry, 'index', { mediaType: types.dockerManifest });
  const child = { mediaType: types.dockerManifest, digest, size: manifest.length };
  const list = JSON.stringify({ schemaVersion: 2, mediaType: types.dockerList, manifests: [child] });
  const early = await putManifest(registry, '/v2/index/manifests/list', { body: list, type: types.dockerList });
  expect([early.status, await errorCode(early)]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN']);
  const first = await putManifest(registry, `/v2/index/manifests/${digest}`, {
    body: manifest,
    type: types.dockerManifest,
  });
  expect(first.status).toBe(201);
  const second = await putManifest(registry, '/v2/index/manifests/list', { body: list, type: types.dockerList });
  expect(second.status).toBe(201);
  const got = await registry.request('GET', '/v2/index/manifests/list');
  expect([got.headers.get('content-type'), await got.text()]).toEqual([types.dockerList, list]);
});

test('a tag is guarded by conditions, so that two writers do not overwrite each other', async () => {
  const { digest } = await pushImage(registry, 'guarded', 'v1');
  const { manifest } = await pushParts(registry, 'guarded');
  const put = (headers: Record<string, string>): Promise<Response> =>
    putManifest(registry, '/v2/guarded/manifests/v1', { body: manifest, headers });
  expect((await put({ 'if-none-match': '*' })).status).toBe(412);
  expect((await put({ 'if-match': `"${digestOf('x')}"` })).status).toBe(412);
  expect((await put({ 'if-match': `"${digest}"` })).status).toBe(201);
});

test('the same layer in many repositories is stored once', async () => {
  const { bytes, digest } = randomBlob(1000);
  for (const name of ['once/a', 'once/b', 'once/c']) await pushBlob(registry, name, bytes);
  const hex = digest.slice('sha256:'.length);
  const found = [...new Bun.Glob(`**/*${hex}*`).scanSync({ cwd: registry.data })].filter((path) =>
    path.startsWith('blobs/'),
  );
  expect(found).toEqual([`blobs/sha256/${hex.slice(0, 2)}/${hex}`]);
});
