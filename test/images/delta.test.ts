import { expect, setDefaultTimeout, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { deltaMagic, formatNumbers, operations } from '../../packages/layer/src/delta/format.ts';
import { startCountingWire } from '../registry/counting-wire.ts';
import { startRegistry, type TestRegistry } from '../registry/registry-server.ts';
import { breaking, ranged } from './broken-registry.ts';
import { type ImageRooms, openImageRooms } from './image-rooms.ts';
import { type MadeImage, makeImage, makeLayer, makeTar, pushImage } from './made-image.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

const noise = Array.from({ length: 60 }, () => randomBytes(48 * 1024).toString('base64'));

/** A layer of some megabytes; from version to version one file of sixty changes. */
function tarOf(version: number): Uint8Array {
  const textOf = (text: string, i: number): string => (i === 30 ? `version ${version}: ${text}` : text);
  return makeTar(noise.map((text, i) => ({ kind: 'file', path: `app/file${i}`, text: textOf(text, i) })));
}

function imageOf(version: number, compression: 'gzip' | 'zstd' | 'plain' = 'gzip'): MadeImage {
  return makeImage([makeLayer(tarOf(version), compression)]);
}

const repositoryAt = (registry: TestRegistry): string => `${registry.url()}/v2/app`;

async function counter(registry: TestRegistry, name: string): Promise<number> {
  const figures = await (await registry.request('GET', '/metrics')).text();
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(figures)?.[1] ?? 0);
}

function expectVersion(rooms: ImageRooms, name: string, version: number): void {
  const [path = ''] = rooms.layerPaths(name);
  expect(readFileSync(join(path, 'app/file30'), 'utf8')).toBe(`version ${version}: ${noise[30]}`);
  expect(readFileSync(join(path, 'app/file31'), 'utf8')).toBe(noise[31] ?? '');
}

test.each(['gzip', 'zstd', 'plain'] as const)(
  'one changed file of a %s layer moves less than a tenth',
  async (packed) => {
    await using registry = await startRegistry();
    await using wire = await startCountingWire(new URL(registry.url()));
    using rooms = openImageRooms();
    for (const version of [1, 2, 3]) await pushImage(repositoryAt(registry), String(version), imageOf(version, packed));
    await rooms.pull(`${wire.host}/app:1`);
    const whole = wire.take();
    // The third is a difference from the second, of which the tar is here and not the blob.
    for (const version of [2, 3]) {
      const lines = await rooms.pull(`${wire.host}/app:${version}`);
      expect(wire.take()).toBeLessThan(whole / 10);
      expect(lines.filter((line) => line.endsWith('Pull complete'))).toHaveLength(1);
      expectVersion(rooms, `${wire.host}/app:${version}`, version);
    }
    expect(await counter(registry, 'registry_deltas_made_total')).toBe(2);
    expect(await counter(registry, 'registry_delta_saved_bytes_total')).toBeGreaterThan(whole);
  },
);

test('a layer on top of a changed one is not fetched again', async () => {
  await using registry = await startRegistry();
  await using wire = await startCountingWire(new URL(registry.url()));
  using rooms = openImageRooms();
  const top = makeLayer(makeTar([{ kind: 'file', path: 'top', text: randomBytes(3e6).toString('latin1') }]));
  for (const version of [1, 2]) {
    const image = makeImage([makeLayer(tarOf(version)), top]);
    await pushImage(repositoryAt(registry), String(version), image);
  }
  await rooms.pull(`${wire.host}/app:1`);
  const whole = wire.take();
  const lines = await rooms.pull(`${wire.host}/app:2`);
  expect(wire.take()).toBeLessThan(whole / 10);
  expect(lines.filter((line) => line.endsWith('Pull complete'))).toHaveLength(2);
  expectVersion(rooms, `${wire.host}/app:2`, 2);
  const [, path = ''] = rooms.layerPaths(`${wire.host}/app:2`);
  expect(readdirSync(path)).toEqual(['top']);
});

test('what a delta brought goes when its image goes', async () => {
  await using registry = await startRegistry();
  using rooms = openImageRooms();
  const { host } = new URL(registry.url());
  for (const version of [1, 2]) await pushImage(repositoryAt(registry), String(version), imageOf(version));
  for (const version of [1, 2]) await rooms.pull(`${host}/app:${version}`);
  expect(rooms.content.list()).toHaveLength(2);
  expect(await rooms.content.damaged({ reads: true }, new AbortController().signal)).toEqual([]);
  for (const version of [1, 2])
    await rooms.images.remove(`${host}/app:${version}`, { force: false, platforms: [] }, () => []);
  expect(rooms.leftovers()).toEqual([]);
});

test('a registry that was started again still has its deltas, and makes none of what is gone', async () => {
  await using registry = await startRegistry();
  const [first, second] = [imageOf(1), imageOf(2)];
  await pushImage(repositoryAt(registry), '1', first);
  await pushImage(repositoryAt(registry), '2', second);
  const [base = '', target = ''] = [first, second].map(({ layers }) => layers[0]?.digest);
  const ask = (): Promise<Response> =>
    registry.request('GET', `/v2/app/_gantry/deltas/${target}?base=sha256:${'0'.repeat(64)}&base=${base}`);
  const bytes = await (await ask()).bytes();
  await registry.end('SIGKILL');
  await registry.start();
  const again = await ask();
  expect(again.headers.get('gantry-delta-base')).toBe(base);
  expect(await again.bytes()).toEqual(bytes);
  expect(await counter(registry, 'registry_deltas_made_total')).toBe(0);
  await registry.request('DELETE', `/v2/app/manifests/${first.manifest.digest}`);
  await registry.gc('--gc-grace', '0s');
  expect((await ask()).status).toBe(404);
});

test('a delta is between blobs that both are of the repository', async () => {
  await using registry = await startRegistry();
  const [first, second] = [imageOf(1), imageOf(2)];
  await pushImage(`${registry.url()}/v2/secret`, '1', first);
  await pushImage(repositoryAt(registry), '2', second);
  const [base = '', target = ''] = [first, second].map(({ layers }) => layers[0]?.digest);
  const ask = (name: string, wanted: string, from: string): Promise<Response> =>
    registry.request('GET', `/v2/${name}/_gantry/deltas/${wanted}?base=${from}`);
  expect((await ask('app', target, base)).status).toBe(404);
  expect((await ask('secret', target, base)).status).toBe(404);
  expect((await ask('app', target, target)).status).toBe(404);
  expect((await ask('app', target, 'sha256:../../etc')).status).toBe(400);
});

test('two that ask at once wait for the same delta, and a layer that is quite another has none', async () => {
  await using registry = await startRegistry();
  const [first, second] = [imageOf(1), imageOf(2)];
  const stranger = makeImage([
    makeLayer(makeTar([{ kind: 'file', path: 'x', text: randomBytes(2e6).toString('latin1') }])),
  ]);
  for (const [tag, image] of Object.entries({ one: first, two: second, other: stranger }))
    await pushImage(repositoryAt(registry), tag, image);
  const [base = '', target = '', other = ''] = [first, second, stranger].map(({ layers }) => layers[0]?.digest);
  const ask = (wanted: string): Promise<Response> =>
    registry.request('GET', `/v2/app/_gantry/deltas/${wanted}?base=${base}`);
  const answers = await Promise.all([ask(target), ask(target), ask(other), ask(other)]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 404]);
  expect(await counter(registry, 'registry_deltas_made_total')).toBe(1);
});

/** A registry of two versions that offers deltas and answers for one as it is told. */
function startLiar(
  answer: (request: Request, base: string) => Response,
): { host: string; blobs: () => number } & Disposable {
  const images = [imageOf(1), imageOf(2)];
  let blobs = 0;
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    error: () => new Response('', { status: 500 }),
    fetch: (request) => {
      const { pathname, searchParams } = new URL(request.url);
      const image = images[Number(pathname.at(-1)) - 1];
      if (pathname.includes('/manifests/') && image !== undefined)
        return new Response(image.manifest.bytes, {
          headers: { 'content-type': image.manifest.mediaType, 'gantry-deltas': '1' },
        });
      if (pathname.includes('/_gantry/')) return answer(request, searchParams.get('base') ?? '');
      const all = images.flatMap(({ config, layers }) => [config, ...layers]);
      const blob = all.find(({ digest }) => pathname.endsWith(digest));
      if (blob?.mediaType.includes('layer')) blobs++;
      return new Response(blob?.bytes ?? '');
    },
  });
  return { host: `127.0.0.1:${server.port}`, blobs: () => blobs, [Symbol.dispose]: () => void server.stop(true) };
}

const packed = (...parts: readonly Uint8Array[]): Buffer => zstdCompressSync(Buffer.concat([deltaMagic, ...parts]));
const copyAll = formatNumbers(operations.copy, [0, tarOf(1).length]);
const end = formatNumbers(operations.end, []);
const lies: Readonly<Record<string, Uint8Array>> = {
  'the old tar': packed(copyAll, end),
  'bytes from behind the base': packed(formatNumbers(operations.copy, [tarOf(1).length, 1]), end),
  'half a delta': packed(copyAll),
  'the base many times': packed(...Array(100).fill(copyAll), end),
  'a page of HTML': Buffer.from('<html>'),
};

test.each(Object.keys(lies))('a registry that sends %s for a delta is asked for the layer', async (lie) => {
  const body = lies[lie] ?? new Uint8Array(0);
  using liar = startLiar((request, base) => {
    const headers = { 'gantry-delta-base': base, 'content-length': String(body.length) };
    return new Response(request.method === 'HEAD' ? null : body, { headers });
  });
  using rooms = openImageRooms();
  await rooms.pull(`${liar.host}/app:1`);
  await rooms.pull(`${liar.host}/app:2`);
  expectVersion(rooms, `${liar.host}/app:2`, 2);
  expect(liar.blobs()).toBe(2);
  expect(rooms.leftovers().filter((name) => name.startsWith('ingest/'))).toEqual([]);
});

test.each([
  ['refuses', () => new Response('', { status: 404 })],
  [
    'names another base',
    () => new Response(null, { headers: { 'gantry-delta-base': 'sha256:0', 'content-length': '9' } }),
  ],
  [
    'says a delta larger than the layer',
    (_: Request, base: string) =>
      new Response(null, { headers: { 'gantry-delta-base': base, 'content-length': '99999999' } }),
  ],
] as const)('a registry that offers deltas and %s is asked for the layer', async (_name, answer) => {
  using liar = startLiar(answer);
  using rooms = openImageRooms();
  for (const version of [1, 2]) await rooms.pull(`${liar.host}/app:${version}`);
  expectVersion(rooms, `${liar.host}/app:2`, 2);
  expect(liar.blobs()).toBe(2);
});

test('a delta that breaks off goes on where it stopped', async () => {
  const tar = Buffer.from(tarOf(2));
  // All of it as bytes to put: large enough to break in the middle.
  const body = packed(formatNumbers(operations.put, [tar.length]), tar, end);
  const ranges: string[] = [];
  using liar = startLiar((request, base) => {
    if (request.method === 'HEAD')
      return new Response(null, { headers: { 'gantry-delta-base': base, 'content-length': String(body.length) } });
    ranges.push(request.headers.get('range') ?? '');
    return ranges.length === 1 ? breaking(body, 1_000_000) : ranged(body, request);
  });
  using rooms = openImageRooms();
  for (const version of [1, 2]) await rooms.pull(`${liar.host}/app:${version}`);
  expectVersion(rooms, `${liar.host}/app:2`, 2);
  expect(ranges[1]).toMatch(/^bytes=[1-9]\d*-$/);
  expect(ranges).toHaveLength(2);
  expect(liar.blobs()).toBe(1);
});

test('who has no older version, or removed it, pulls as ever', async () => {
  await using registry = await startRegistry();
  using rooms = openImageRooms();
  const { host } = new URL(registry.url());
  for (const version of [1, 2]) await pushImage(repositoryAt(registry), String(version), imageOf(version));
  await rooms.pull(`${host}/app:1`);
  await rooms.images.remove(`${host}/app:1`, { force: false, platforms: [] }, () => []);
  await rooms.pull(`${host}/app:2`);
  expectVersion(rooms, `${host}/app:2`, 2);
  expect(await counter(registry, 'registry_deltas_made_total')).toBe(0);
});
