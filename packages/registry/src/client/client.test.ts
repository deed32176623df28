import { expect, test } from 'bun:test';
import { parseChallenge } from './challenge.ts';
import { endpointOf, isLoopback, mirrorEndpoint, type Registries } from './endpoint.ts';
import { formatFailure, parseFailure } from './failure.ts';
import { noProxies } from './proxy.ts';

test('a challenge is read from whatever mixture of schemes a header holds', () => {
  const bearer = {
    scheme: 'bearer',
    realm: 'https://auth/token',
    service: 's',
    scope: 'repository:a/b:pull,push',
  } as const;
  expect(parseChallenge('Bearer realm="https://auth/token",service="s",scope="repository:a/b:pull,push"')).toEqual(
    bearer,
  );
  expect(
    parseChallenge('Basic realm="x", Bearer realm="https://auth/token", service=s, scope="repository:a/b:pull,push"'),
  ).toEqual(bearer);
  expect(parseChallenge('bearer realm="a\\"b"')).toMatchObject({ realm: 'a"b' });
  expect(parseChallenge('Basic realm="x"')).toEqual({ scheme: 'basic' });
  for (const text of ['', 'Negotiate', 'Bearer', 'Bearer service="x"']) expect(parseChallenge(text)).toBeUndefined();
});

const registries = (insecure: readonly string[] = []): Registries => ({
  insecure,
  mirrors: [],
  configDirs: [],
  proxies: noProxies,
});

test('only loopback is insecure by itself, and the rest only when configured', () => {
  const rows: readonly (readonly [string, readonly string[], boolean])[] = [
    ['localhost:5000', [], true],
    ['127.9.9.9', [], true],
    ['[::1]:5000', [], true],
    ['10.0.0.1:5000', [], false],
    ['10.0.0.1:5000', ['10.0.0.0/8'], true],
    ['11.0.0.1:5000', ['10.0.0.0/8'], false],
    ['registry.lan', ['registry.lan'], true],
    ['registry.lan:5000', ['registry.lan:5000'], true],
    ['localhost.evil.example', [], false],
    ['127.0.0.1.evil.example', [], false],
    ['docker.io', ['docker.io'], false],
  ];
  expect(rows.map(([domain, insecure]) => endpointOf(domain, registries(insecure)).skipVerify)).toEqual(
    rows.map(([, , expected]) => expected),
  );
  expect(endpointOf('docker.io', registries()).host).toBe('registry-1.docker.io');
  expect(isLoopback('127.0.0.256')).toBe(false);
});

test('a mirror is a URL without credentials', () => {
  expect(mirrorEndpoint('http://mirror.lan:80', registries())).toMatchObject({
    host: 'mirror.lan',
    scheme: 'either',
  });
  expect(mirrorEndpoint('https://mirror.lan', registries())).toMatchObject({
    host: 'mirror.lan',
    scheme: 'https',
  });
  for (const text of ['mirror.lan', 'ftp://mirror.lan', 'https://a:b@mirror.lan'])
    expect(() => mirrorEndpoint(text, registries())).toThrow('invalid mirror');
});

test("a registry's error document reads as Docker prints it", () => {
  const body = JSON.stringify({
    errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown', detail: { Tag: 'x' } }],
  });
  expect(formatFailure(parseFailure(404, body))).toBe('manifest unknown: manifest unknown');
  expect(formatFailure(parseFailure(502, '<html>bad gateway</html>'))).toBe(
    'received unexpected HTTP status: 502 (<html>bad gateway</html>)',
  );
  expect(formatFailure(parseFailure(401, ''))).toBe('unauthorized');
  const hostile = JSON.stringify({ errors: [{ code: 'DENIED', message: '\u001b[2Jgone\n' }] });
  expect(formatFailure(parseFailure(403, hostile))).toBe('denied:  [2Jgone ');
});
