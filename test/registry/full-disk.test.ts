import { expect, test } from 'bun:test';
import { openSmallDisk } from '../images/small-disk.ts';
import { digestOf, errorCode, pushBlob, pushImage, randomBlob, startRegistry } from './registry-server.ts';

test('a full disk refuses what does not fit, and loses nothing of what did', async () => {
  using disk = openSmallDisk(4_000_000);
  await using registry = await startRegistry({ parent: disk.path });
  const image = await pushImage(registry, 'full', 'v1');
  const { bytes, digest } = randomBlob(6_000_000);
  const whole = await registry.request('POST', `/v2/full/blobs/uploads/?digest=${digest}`, { body: bytes });
  expect([whole.status, await errorCode(whole)]).toEqual([507, 'UNKNOWN']);

  const location = (await registry.request('POST', '/v2/full/blobs/uploads/')).headers.get('location') ?? '';
  const chunk = await registry.request('PATCH', location, { body: bytes });
  expect([chunk.status, await errorCode(chunk)]).toEqual([507, 'UNKNOWN']);
  // What it says that it has, it has: the first bytes, to the byte.
  const range = (await registry.request('GET', location)).headers.get('range') ?? '';
  const kept = Number(range.split('-')[1]) + 1;
  const part = bytes.slice(0, kept);
  expect((await registry.request('DELETE', location)).status).toBe(204);

  expect(await (await registry.request('GET', '/v2/full/manifests/v1')).text()).toBe(image.manifest);
  expect((await registry.request('GET', '/healthz')).status).toBe(200);
  const after = part.slice(0, 1_000_000);
  await pushBlob(registry, 'full', after);
  const got = await registry.request('GET', `/v2/full/blobs/${digestOf(after)}`);
  expect(Buffer.from(await got.arrayBuffer()).equals(after)).toBe(true);
});

test('an upload that the full disk cut goes on where it was cut, once there is room', async () => {
  using disk = openSmallDisk(4_000_000);
  await using registry = await startRegistry({ parent: disk.path });
  const { bytes, digest } = randomBlob(3_000_000);
  const ballast = (await registry.request('POST', '/v2/cut/blobs/uploads/')).headers.get('location') ?? '';
  expect((await registry.request('PATCH', ballast, { body: new Uint8Array(2_000_000) })).status).toBe(202);
  const location = (await registry.request('POST', '/v2/cut/blobs/uploads/')).headers.get('location') ?? '';
  expect((await registry.request('PATCH', location, { body: bytes })).status).toBe(507);
  await registry.request('DELETE', ballast);
  const kept = Number((await registry.request('GET', location)).headers.get('range')?.split('-')[1]) + 1;
  expect(kept).toBeGreaterThan(1);
  const headers = { 'content-range': `${kept}-${bytes.length - 1}` };
  const put = await registry.request('PUT', `${location}?digest=${digest}`, { body: bytes.slice(kept), headers });
  expect(put.status).toBe(201);
  const got = await registry.request('GET', `/v2/cut/blobs/${digest}`);
  expect(digestOf(new Uint8Array(await got.arrayBuffer()))).toBe(digest);
});
