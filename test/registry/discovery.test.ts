import { afterAll, expect, test } from 'bun:test';
import { digestOf, pushImage, pushParts, putManifest, startRegistry, types } from './registry-server.ts';

const registry = await startRegistry();
afterAll(() => registry[Symbol.asyncDispose]());

/** Follows `Link` headers to the end. */
async function readPages(path: string, key: 'tags' | 'repositories'): Promise<string[][]> {
  const pages: string[][] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const response = await registry.request('GET', next);
    const document = (await response.json()) as Record<'tags' | 'repositories', string[]>;
    pages.push(document[key]);
    next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
  }
  return pages;
}

test('tags are listed in order, whole or in pages', async () => {
  const { manifest } = await pushImage(registry, 'tags', 'c');
  for (const tag of ['a', 'B', 'b', '1.0'])
    await putManifest(registry, `/v2/tags/manifests/${tag}`, { body: manifest });
  expect(await readPages('/v2/tags/tags/list', 'tags')).toEqual([['1.0', 'B', 'a', 'b', 'c']]);
  expect(await readPages('/v2/tags/tags/list?n=2', 'tags')).toEqual([['1.0', 'B'], ['a', 'b'], ['c']]);
  expect(await readPages('/v2/tags/tags/list?n=2&last=B', 'tags')).toEqual([['a', 'b'], ['c']]);
  expect(await readPages('/v2/tags/tags/list?n=0', 'tags')).toEqual([[]]);
  expect(await readPages('/v2/tags/tags/list?n=2147483648', 'tags')).toHaveLength(1);
  expect((await registry.request('GET', '/v2/tags/tags/list?n=-1')).status).toBe(400);
});

test('repositories are listed in order, whole or in pages, and found by words', async () => {
  for (const name of ['list/b', 'list/a/deep', 'list-x']) await pushImage(registry, name, 'v1');
  const all = (await readPages('/v2/_catalog?n=1000', 'repositories')).flat().filter((name) => name.startsWith('list'));
  expect(all).toEqual(['list-x', 'list/a/deep', 'list/b']);
  expect((await readPages('/v2/_catalog?n=1', 'repositories')).every((page) => page.length === 1)).toBe(true);
  expect((await readPages('/v2/_catalog?n=1', 'repositories')).flat()).toContain('list/a/deep');
  const search = await registry.request('GET', '/v1/search?q=deep&n=5');
  expect(await search.json()).toMatchObject({ num_results: 1, results: [{ name: 'list/a/deep', is_official: false }] });
});

test('referrers are listed with type and annotations, filtered when asked, and go with their manifests', async () => {
  const subject = await pushImage(registry, 'ref', 'v1');
  const about = { mediaType: types.manifest, digest: subject.digest, size: subject.manifest.length };
  const push = async (more: Readonly<Record<string, unknown>>): Promise<string> => {
    const { manifest, digest } = await pushParts(registry, 'ref', { subject: about, ...more });
    const put = await putManifest(registry, `/v2/ref/manifests/${digest}`, { body: manifest });
    expect([put.status, put.headers.get('oci-subject')]).toEqual([201, subject.digest]);
    return digest;
  };
  const sbom = await push({ artifactType: 'test/sbom', annotations: { by: 'us' } });
  const plain = await push({});
  const list = async (query = ''): Promise<{ headers: Headers; manifests: Record<string, unknown>[] }> => {
    const response = await registry.request('GET', `/v2/ref/referrers/${subject.digest}${query}`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, types.index]);
    const { manifests } = (await response.json()) as { manifests: Record<string, unknown>[] };
    return { headers: response.headers, manifests };
  };
  const byDigest = new Map((await list()).manifests.map((each) => [each.digest, each]));
  expect(byDigest.get(sbom)).toMatchObject({
    artifactType: 'test/sbom',
    annotations: { by: 'us' },
    mediaType: types.manifest,
  });
  expect(byDigest.get(plain)).toMatchObject({ artifactType: types.config });
  const filtered = await list('?artifactType=test/sbom');
  expect(filtered.headers.get('oci-filters-applied')).toBe('artifactType');
  expect(filtered.manifests.map((each) => each.digest)).toEqual([sbom]);
  await registry.request('DELETE', `/v2/ref/manifests/${sbom}`);
  expect((await list()).manifests.map((each) => each.digest)).toEqual([plain]);
});

test('a subject may come after what refers to it; nothing refers to what nobody knows', async () => {
  const missing = { mediaType: types.manifest, digest: digestOf('later'), size: 5 };
  const { manifest, digest } = await pushParts(registry, 'early', { subject: missing });
  const put = await putManifest(registry, `/v2/early/manifests/${digest}`, { body: manifest });
  expect([put.status, put.headers.get('oci-subject')]).toEqual([201, missing.digest]);
  const empty = await registry.request('GET', `/v2/early/referrers/${digestOf('nobody')}`);
  expect(await empty.json()).toEqual({ schemaVersion: 2, mediaType: types.index, manifests: [] });
  expect((await registry.request('GET', '/v2/early/referrers/sha256:x')).status).toBe(400);
});

test('more referrers than fit in a manifest come in pages', async () => {
  const subject = { mediaType: types.manifest, digest: digestOf('much'), size: 4 };
  const text = 'x'.repeat(1_000_000);
  const pushed: string[] = [];
  for (let count = 0; count < 5; count++) {
    const { manifest, digest } = await pushParts(registry, 'much', { subject, annotations: { text } });
    await putManifest(registry, `/v2/much/manifests/${digest}`, { body: manifest });
    pushed.push(digest);
  }
  const seen: string[] = [];
  let pages = 0;
  for (let next: string | undefined = `/v2/much/referrers/${subject.digest}`; next !== undefined; pages++) {
    const response = await registry.request('GET', next);
    const body = await response.text();
    expect(body.length).toBeLessThan(4 * 2 ** 20);
    seen.push(...(JSON.parse(body) as { manifests: { digest: string }[] }).manifests.map((each) => each.digest));
    next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
  }
  expect([pages, seen]).toEqual([2, pushed.sort()]);
});

test('clients that keep referrers under a tag find them there', async () => {
  const index = JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests: [] });
  const tag = digestOf('subject').replace(':', '-');
  expect(
    (await putManifest(registry, `/v2/fallback/manifests/${tag}`, { body: index, type: types.index })).status,
  ).toBe(201);
  expect(await (await registry.request('GET', `/v2/fallback/manifests/${tag}`)).text()).toBe(index);
});

test('extensions are told, for the registry and for a repository', async () => {
  for (const path of ['/v2/_oci/ext/discover', '/v2/a/b/_oci/ext/discover']) {
    const response = await registry.request('GET', path);
    expect(await response.json()).toMatchObject({ extensions: [{ name: '_oci' }, { name: '_gantry' }] });
  }
});
