import { afterAll, expect, test } from 'bun:test';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../harness/wait-for.ts';
import { openRaw } from './raw-request.ts';
import { digestOf, errorCode, pushParts, putManifest, randomBlob, startRegistry, types } from './registry-server.ts';

const registry = await startRegistry();
afterAll(() => registry[Symbol.asyncDispose]());

async function startUpload(): Promise<string> {
  return (await registry.request('POST', '/v2/hostile/blobs/uploads/')).headers.get('location') ?? '';
}

async function rangeOf(location: string): Promise<string | null> {
  return (await registry.request('GET', location)).headers.get('range');
}

/** Sends a request line and headers as they are, and reads the answer to its end. */
async function sendRaw(head: string, body = ''): Promise<string> {
  using raw = await openRaw(registry.url());
  raw.write(`${head}\r\nHost: registry\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  return await raw.closed;
}

test('no name reaches out of the directory, however it is written', async () => {
  const digest = digestOf('x');
  const names = [
    '..',
    '../..',
    '%2e%2e',
    '%2e%2e%2f%2e%2e',
    'a/../../b',
    'a%2f..%2fb',
    '.a',
    'a/_tags',
    'a%00b',
    '%ff',
  ];
  for (const name of names) {
    const statuses = [
      await sendRaw(`POST /v2/${name}/blobs/uploads/?digest=${digest} HTTP/1.1`, 'x'),
      await sendRaw(`PUT /v2/${name}/manifests/v1 HTTP/1.1`, '{}'),
      await sendRaw(`GET /v2/${name}/manifests/..%2f..%2fstate HTTP/1.1`),
      await sendRaw(`GET /v2/${name}/blobs/sha256:..%2f..%2f HTTP/1.1`),
      await sendRaw(`DELETE /v2/${name}/blobs/uploads/..%2f.. HTTP/1.1`),
    ].map((answer) => Number(answer.slice(9, 12)));
    expect([name, statuses.filter((status) => status < 400 || status >= 500)]).toEqual([name, []]);
  }
  expect(readdirSync(registry.data).sort()).toEqual([
    'blobs',
    'control.sock',
    'deltas',
    'repositories',
    'temporary',
    'uploads',
  ]);
  expect(existsSync(join(registry.data, 'repositories/b'))).toBe(false);
});

test('a request without a host is served, and one whose host is none is the client’s fault at most', async () => {
  const statusOf = async (head: string): Promise<number> => {
    using raw = await openRaw(registry.url());
    raw.write(`${head}\r\nConnection: close\r\n\r\n`);
    return Number((await raw.closed).slice(9, 12));
  };
  expect(await statusOf('GET /healthz HTTP/1.0')).toBe(200);
  for (const host of ['a b', '"><x', 'x:99999999'])
    expect([200, 400]).toContain(await statusOf(`GET /v2/ HTTP/1.1\r\nHost: ${host}`));
  expect(await statusOf('GET // HTTP/1.0')).toBe(400);
  expect(await statusOf('GET /v2/%zz/tags/list HTTP/1.1\r\nHost: r')).toBe(400);
  expect(await statusOf('TRACE /v2/ HTTP/1.1\r\nHost: r')).toBe(405);
});

test('a wrong name says so with the code for it', async () => {
  const name = await registry.request('GET', '/v2/UPPER/tags/list');
  expect([name.status, await errorCode(name)]).toEqual([400, 'NAME_INVALID']);
  const digest = await registry.request('GET', '/v2/a/blobs/sha256:zz');
  expect([digest.status, await errorCode(digest)]).toEqual([400, 'DIGEST_INVALID']);
});

test('a body that breaks off stays as far as it came, and the upload goes on from there', async () => {
  const { bytes, digest } = randomBlob(200_000);
  const location = await startUpload();
  {
    using raw = await openRaw(registry.url());
    raw.write(`PATCH ${location} HTTP/1.1\r\nHost: r\r\nContent-Length: 200000\r\n\r\n`);
    raw.write(bytes.subarray(0, 50_000));
    await waitFor('half a body has arrived', async () => (await rangeOf(location)) === '0-49999');
    raw.cut();
  }
  const rest = { body: bytes.slice(50_000), headers: { 'content-range': '50000-199999' } };
  expect((await registry.request('PUT', `${location}?digest=${digest}`, rest)).status).toBe(201);
  const got = await registry.request('GET', `/v2/hostile/blobs/${digest}`);
  expect(digestOf(new Uint8Array(await got.arrayBuffer()))).toBe(digest);
});

test('a client that came back over another connection takes its upload over from the one that hangs', async () => {
  const { bytes, digest } = randomBlob(3000);
  const location = await startUpload();
  using hanging = await openRaw(registry.url());
  hanging.write(`PATCH ${location} HTTP/1.1\r\nHost: r\r\nContent-Length: 3000\r\n\r\n`);
  hanging.write(bytes.subarray(0, 1000));
  await waitFor('the first part has arrived', async () => (await rangeOf(location)) === '0-999');
  const rest = { body: bytes.slice(1000), headers: { 'content-range': '1000-2999' } };
  expect((await registry.request('PUT', `${location}?digest=${digest}`, rest)).status).toBe(201);
});

test('a chunk that is not as long as its range says is taken back', async () => {
  const location = await startUpload();
  const send = (body: string | ReadableStream, range: string): Promise<Response> =>
    registry.request('PATCH', location, { body, headers: { 'content-range': range } });
  expect((await send('abc', '0-2')).status).toBe(202);
  const long = await send('defg', '3-5');
  expect([long.status, await errorCode(long)]).toEqual([400, 'SIZE_INVALID']);
  for (const body of ['defg', 'd']) {
    const streamed = await send(new Blob([body]).stream(), '3-5');
    expect([streamed.status, await errorCode(streamed)]).toEqual([400, 'SIZE_INVALID']);
  }
  for (const range of ['2-4', '4-6', '5-3', 'x', '3-']) {
    const refused = await send('def', range);
    expect([range, refused.status, await errorCode(refused)]).toEqual([range, 416, 'BLOB_UPLOAD_INVALID']);
  }
  expect(await rangeOf(location)).toBe('0-2');
});

test('a single POST whose digest is wrong leaves nothing behind', async () => {
  const before = readdirSync(join(registry.data, 'uploads'));
  const response = await registry.request('POST', `/v2/hostile/blobs/uploads/?digest=${digestOf('y')}`, { body: 'x' });
  expect([response.status, await errorCode(response)]).toEqual([400, 'DIGEST_INVALID']);
  expect(readdirSync(join(registry.data, 'uploads'))).toEqual(before);
});

test('a manifest is read up to 4 MiB and not a byte further', async () => {
  const { manifest } = await pushParts(registry, 'large');
  const pad = (size: number): string => manifest + ' '.repeat(size - manifest.length);
  const path = '/v2/large/manifests/v1';
  expect((await putManifest(registry, path, { body: pad(4 * 2 ** 20) })).status).toBe(201);
  const large = await putManifest(registry, path, { body: pad(4 * 2 ** 20 + 1) });
  expect([large.status, await errorCode(large)]).toEqual([413, 'SIZE_INVALID']);
  // One that says nothing about its length, and never ends.
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(2 ** 20)) });
  const streamed = registry.request('PUT', path, { body: endless, headers: { 'content-type': types.manifest } });
  expect(
    await streamed.then(
      (response) => response.status,
      () => 413,
    ),
  ).toBe(413);
});

test('a manifest that is no manifest is refused, and one that is both an image and an index', async () => {
  const both = JSON.stringify({ ...JSON.parse((await pushParts(registry, 'bad')).manifest), manifests: [] });
  const rows = [
    ['{', types.manifest],
    ['[]', types.manifest],
    ['{"schemaVersion":2}', types.manifest],
    [both, types.manifest],
    [both, types.index],
    ['{"schemaVersion":1,"fsLayers":[]}', 'application/vnd.docker.distribution.manifest.v1+json'],
    ['\xff', types.manifest],
  ] as const;
  for (const [body, type] of rows) {
    const response = await putManifest(registry, '/v2/bad/manifests/v1', { body, type });
    expect([body, response.status, await errorCode(response)]).toEqual([body, 400, 'MANIFEST_INVALID']);
  }
});

test('a blob far larger than memory should be streams to the disk', async () => {
  const chunk = new Uint8Array(2 ** 20);
  let left = 500;
  const body = new ReadableStream({
    pull: (controller) => {
      if (left-- > 0) controller.enqueue(chunk);
      else controller.close();
    },
  });
  const location = await startUpload();
  expect((await registry.request('PATCH', location, { body })).status).toBe(202);
  const status = await Bun.file(`/proc/${registry.pid()}/status`).text();
  expect(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1])).toBeLessThan(400 * 1024);
  await registry.request('DELETE', location);
});

test('after all that the registry runs, and has not complained about itself', async () => {
  expect((await registry.request('GET', '/healthz')).status).toBe(200);
  expect(
    registry
      .log()
      .split('\n')
      .filter((line) => line !== '' && !line.includes('"level":"info"')),
  ).toEqual([]);
});
