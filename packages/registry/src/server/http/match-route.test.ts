import { expect, test } from 'bun:test';
import { RegistryError } from '../registry-error.ts';
import { compileRoutes } from './match-route.ts';
import { routes } from './routes.ts';

const find = compileRoutes(routes);

test('paths find their rows, whatever a repository is called', () => {
  const rows: readonly (readonly [string, string, string, string, string])[] = [
    ['GET', '/v2/', 'check', '', ''],
    ['GET', '/v2', 'check', '', ''],
    ['GET', '/v2/_catalog', 'catalog', '', ''],
    ['GET', '/v2/a/b/tags/list', 'tags', 'a/b', ''],
    ['HEAD', '/v2/a/manifests/latest', 'get-manifest', 'a', 'latest'],
    ['PUT', '/v2/manifests/manifests/manifests/x', 'put-manifest', 'manifests/manifests', 'x'],
    ['POST', '/v2/a/blobs/uploads/', 'start-upload', 'a', ''],
    ['POST', '/v2/a/blobs/uploads', 'start-upload', 'a', ''],
    ['PATCH', '/v2/a/blobs/uploads/id', 'append-upload', 'a', 'id'],
    ['GET', '/v2/a/blobs/sha256%3Aab', 'get-blob', 'a', 'sha256:ab'],
    ['GET', '/v2/blobs/uploads/blobs/sha256:ab', 'get-blob', 'blobs/uploads', 'sha256:ab'],
    ['GET', '/v2/%2e%2e%2fa/blobs/x', 'get-blob', '../a', 'x'],
    ['GET', '/v2/_oci/ext/discover', 'extensions', '', ''],
    ['GET', '/v2/a/_oci/ext/discover', 'repository-extensions', 'a', ''],
  ];
  for (const [method, path, id, name, last] of rows) {
    const { route, captured } = find(method, path);
    expect([path, route.id, captured.name, captured.last]).toEqual([path, id, name, last]);
  }
});

function statusOf(method: string, path: string): number | undefined {
  try {
    find(method, path);
    return undefined;
  } catch (error) {
    return error instanceof RegistryError ? error.status : undefined;
  }
}

test('a path that is nobody’s is 404, a method that its path does not have is 405', () => {
  expect(['/', '/v2/a', '/v2x/', '/v2/a/manifests/b/c', '/v1/'].map((path) => statusOf('GET', path))).toEqual(
    Array(5).fill(404),
  );
  expect(statusOf('PUT', '/v2/')).toBe(405);
  expect(statusOf('POST', '/v2/a/manifests/b')).toBe(405);
});
