import { afterAll, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pushBlob, pushImage, pushParts, putManifest, randomBlob, startRegistry, types } from './registry-server.ts';

const registry = await startRegistry();
afterAll(() => registry[Symbol.asyncDispose]());

const now = ['--gc-grace', '0', '--upload-expiry', '0'];

async function statusOf(path: string): Promise<number> {
  return (await registry.request('GET', path)).status;
}

function isStored(digest: string): boolean {
  const hex = digest.slice('sha256:'.length);
  return existsSync(join(registry.data, 'blobs/sha256', hex.slice(0, 2), hex));
}

test('what no manifest needs is collected after its grace period, and not before', async () => {
  const kept = await pushImage(registry, 'gc/kept', 'v1');
  const gone = await pushImage(registry, 'gc/gone', 'v1');
  const { bytes, digest: loose } = randomBlob(100);
  await pushBlob(registry, 'gc/kept', bytes);
  await registry.request('DELETE', `/v2/gc/gone/manifests/${gone.digest}`);
  const location = (await registry.request('POST', '/v2/gc/kept/blobs/uploads/')).headers.get('location') ?? '';

  expect((await registry.gc()).stdout).toBe('removed 0 manifests, 0 links, 0 blobs (0B), 0 uploads\n');
  expect([isStored(loose), isStored(gone.layer), isStored(gone.digest)]).toEqual([true, true, true]);

  const collected = await registry.gc(...now);
  expect(collected.stdout).toMatch(/^removed 0 manifests, 3 links, 4 blobs \([\d.]+kB\), 1 uploads\n$/);
  expect([isStored(loose), isStored(gone.layer), isStored(gone.digest)]).toEqual([false, false, false]);
  expect(await statusOf(location)).toBe(404);
  expect(await statusOf(`/v2/gc/kept/blobs/${kept.layer}`)).toBe(200);
  expect(await statusOf('/v2/gc/kept/manifests/v1')).toBe(200);
  // Nothing is left of a repository that has nothing.
  expect(readdirSync(join(registry.data, 'repositories/gc'))).toEqual(['kept']);
  const catalog = (await (await registry.request('GET', '/v2/_catalog')).json()) as { repositories: string[] };
  expect(catalog.repositories).not.toContain('gc/gone');
});

test('a blob that a client was just told of is promised for a whole grace period, however short that is', async () => {
  const [asked, other] = [randomBlob(100), randomBlob(100)];
  const twoMinutesAgo = new Date(Date.now() - 120_000);
  for (const { bytes, digest } of [asked, other]) {
    await pushBlob(registry, 'gc/promised', bytes);
    const link = join(registry.data, 'repositories/gc/promised/_blobs/sha256', digest.slice('sha256:'.length));
    utimesSync(link, twoMinutesAgo, twoMinutesAgo);
  }
  expect((await registry.request('HEAD', `/v2/gc/promised/blobs/${asked.digest}`)).status).toBe(200);
  await registry.gc('--gc-grace', '1m');
  expect(await statusOf(`/v2/gc/promised/blobs/${asked.digest}`)).toBe(200);
  expect(await statusOf(`/v2/gc/promised/blobs/${other.digest}`)).toBe(404);
});

test('manifests without a tag stay unless asked otherwise; children of an index and referrers stay with theirs', async () => {
  const old = await pushImage(registry, 'untagged', 'v1');
  const child = await pushParts(registry, 'untagged');
  const descriptor = { mediaType: types.manifest, digest: child.digest, size: child.manifest.length };
  const referrer = await pushParts(registry, 'untagged', { subject: descriptor });
  for (const each of [child, referrer])
    await putManifest(registry, `/v2/untagged/manifests/${each.digest}`, { body: each.manifest });
  const index = JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests: [descriptor] });
  await putManifest(registry, '/v2/untagged/manifests/v1', { body: index, type: types.index });
  const statuses = (): Promise<number[]> =>
    Promise.all([old, child, referrer].map(({ digest }) => statusOf(`/v2/untagged/manifests/${digest}`)));
  await registry.gc(...now);
  expect(await statuses()).toEqual([200, 200, 200]);
  expect((await registry.gc(...now, '--gc-untagged')).stdout).toStartWith('removed 1 manifests');
  expect(await statuses()).toEqual([404, 200, 200]);
});

test('collecting without a pause while images are pushed and pulled takes nothing from them', async () => {
  let running = true;
  const collecting = (async () => {
    let runs = 0;
    for (; running; runs++) {
      // Older than a minute is nothing here: what saves a push is what it holds, and its links.
      const response = await fetch('http://registry/collect', {
        unix: join(registry.data, 'control.sock'),
        method: 'POST',
        body: JSON.stringify({ graceMs: 60_000, uploadExpiryMs: 60_000, untagged: false }),
      });
      expect(response.status).toBe(200);
    }
    return runs;
  })();
  const { bytes, digest } = randomBlob(5000);
  for (let turn = 0; turn < 25; turn++) {
    const name = `busy/r${turn % 3}`;
    const image = await pushImage(registry, name, 'latest');
    await pushBlob(registry, name, bytes);
    expect(await statusOf(`/v2/${name}/blobs/${image.layer}`)).toBe(200);
    expect(await statusOf(`/v2/${name}/manifests/${image.digest}`)).toBe(200);
    expect(await statusOf(`/v2/${name}/blobs/${digest}`)).toBe(200);
    await registry.request('DELETE', `/v2/${name}/manifests/${image.digest}`);
  }
  running = false;
  expect(await collecting).toBeGreaterThan(0);
  expect(registry.log()).not.toContain('"level":"error"');
});

test('bytes that a push finds again are not taken from under it, even without a grace period', async () => {
  let running = true;
  const collecting = (async () => {
    while (running) expect((await registry.gc(...now.slice(0, 2))).exitCode).toBe(0);
  })();
  for (let turn = 0; turn < 12; turn++) {
    const { manifest, digest } = await pushPartsUntilWhole();
    expect(await statusOf(`/v2/race/manifests/${digest}`)).toBe(200);
    const parsed = JSON.parse(manifest) as { config: { digest: string }; layers: { digest: string }[] };
    for (const part of [parsed.config, ...parsed.layers])
      expect(await statusOf(`/v2/race/blobs/${part.digest}`)).toBe(200);
    await registry.request('DELETE', `/v2/race/manifests/${digest}`);
  }
  running = false;
  await collecting;

  /** Blobs that wait for their manifest may be taken, and are then pushed again: what was accepted must be whole. */
  async function pushPartsUntilWhole(): Promise<{ manifest: string; digest: string }> {
    for (;;) {
      const image = await pushParts(registry, 'race');
      const put = await putManifest(registry, '/v2/race/manifests/v1', { body: image.manifest });
      if (put.status === 201) return image;
      expect(put.status).toBe(400);
    }
  }
});

test('a damaged manifest stops a collection, which names it, and is mended by pushing it again', async () => {
  const { digest, manifest, layer, layerBytes } = await pushImage(registry, 'damaged', 'v1');
  const hex = digest.slice('sha256:'.length);
  writeFileSync(join(registry.data, 'blobs/sha256', hex.slice(0, 2), hex), '{');
  const refused = await registry.gc(...now);
  expect([refused.exitCode, refused.stderr]).toEqual([
    1,
    expect.stringContaining(`cannot collect garbage: manifest "${digest}" of "damaged" is damaged`),
  ]);
  expect(isStored(layer)).toBe(true);
  await putManifest(registry, '/v2/damaged/manifests/v1', { body: manifest });
  expect((await registry.gc(...now)).exitCode).toBe(0);
  // A blob that lost its end is whole again, too.
  writeFileSync(join(registry.data, 'blobs/sha256', layer.slice(7, 9), layer.slice(7)), 'x');
  await pushBlob(registry, 'damaged', layerBytes);
  const got = await registry.request('GET', `/v2/damaged/blobs/${layer}`);
  expect(Buffer.from(await got.arrayBuffer()).equals(layerBytes)).toBe(true);
});

test('what else lies in the directory disturbs nobody and is left alone', async () => {
  const strange = ['repositories/lost+found', 'uploads/lost+found', 'blobs/sha256/lost+found'].map((path) =>
    join(registry.data, path),
  );
  for (const path of strange) mkdirSync(path, { recursive: true });
  expect((await registry.gc(...now)).exitCode).toBe(0);
  expect((await registry.request('GET', '/v2/_catalog')).status).toBe(200);
  for (const path of strange) expect(existsSync(path)).toBe(true);
});

test('a directory that nobody serves is collected by the command itself, and one that does not exist by nobody', async () => {
  const image = await pushImage(registry, 'offline', 'v1');
  await registry.request('DELETE', `/v2/offline/manifests/${image.digest}`);
  await registry.end('SIGTERM');
  expect((await registry.gc(...now)).stdout).toMatch(/^removed 0 manifests, [1-9]/);
  expect(isStored(image.layer)).toBe(false);
  await registry.start();
  const nowhere = await registry.gc('--data', join(registry.root, 'nothing'));
  expect([nowhere.exitCode, nowhere.stderr]).toEqual([
    1,
    `gantry registry: cannot collect garbage in "${join(registry.root, 'nothing')}": no registry keeps its data there\n`,
  ]);
});
