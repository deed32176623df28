import { expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Registries } from './endpoint.ts';
import { endpointsOf } from './endpoints.ts';
import { parseHostsFile } from './hosts-file.ts';
import { noProxies } from './proxy.ts';

const place = { path: '/etc/gantry/certs.d/docker.io/hosts.toml', domain: 'registry-1.docker.io' };

test('every key of the documented grammar is read, in the order of the file', () => {
  const text = `
server = "https://upstream.registry"   # a comment
ca = ["/etc/certs/one.pem", "two.pem"]
[host."https://mirror.registry"]
  capabilities = ["pull"]
  skip_verify = true
  dial_timeout = "1s"
  client = [["/etc/certs/client.cert", "/etc/certs/client.key"], ["/etc/certs/client.pem", ""]]
  [host."https://mirror.registry".header]
    X-Custom = ["value1", 'value2']
[host."http://mirror-bak.registry/us"]
  client = "/etc/certs/both.pem"
  override_path = true
`;
  const { hosts, server } = parseHostsFile(text, place);
  expect(hosts.map(({ url }) => url.href)).toEqual(['https://mirror.registry/', 'http://mirror-bak.registry/us']);
  expect(hosts[0]).toMatchObject({
    capabilities: ['pull'],
    skipVerify: true,
    headers: { 'x-custom': 'value1, value2' },
    client: { certificate: '/etc/certs/client.cert', key: '/etc/certs/client.key' },
    overridesPath: false,
    dialTimeoutMs: 1000,
  });
  expect(hosts[1]).toMatchObject({
    capabilities: undefined,
    client: { certificate: '/etc/certs/both.pem', key: '/etc/certs/both.pem' },
    overridesPath: true,
    dialTimeoutMs: undefined,
  });
  expect([server.url.host, server.authorities]).toEqual(['upstream.registry', ['/etc/certs/one.pem', 'two.pem']]);
  expect(parseHostsFile('', place).server.url.href).toBe('https://registry-1.docker.io/');
});

/** Where requests would go, given these files below one configuration directory. */
function placesOf(domain: string, files: Readonly<Record<string, string>>, extra: Partial<Registries> = {}): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-hosts-'));
  using _directory = { [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'hosts.toml'), text);
  }
  const registries = { insecure: [], mirrors: [], configDirs: [directory], proxies: noProxies, ...extra };
  return endpointsOf(domain, registries).map(
    ({ host, scheme, basePath, isOwn, namespace }) =>
      `${scheme}://${host}${basePath}${isOwn ? ' own' : ''}${namespace === undefined ? '' : ` for ${namespace}`}`,
  );
}

test('hosts of the file come first, mirrors of Docker Hub then, and the registry itself last', () => {
  expect(placesOf('quay.io', {})).toEqual(['https://quay.io/v2 own']);
  const files = { 'docker.io': '[host."https://m.lan/x"]\n[host."http://n.lan/x/v2"]\n' };
  expect(placesOf('docker.io', files, { mirrors: ['https://old.lan'] })).toEqual([
    'https://m.lan/x/v2 for docker.io',
    'http://n.lan/x/v2 for docker.io',
    'https://old.lan/v2',
    'https://registry-1.docker.io/v2 own',
  ]);
});

test("a registry's own file wins over the one for all, in either spelling of a port", () => {
  const all = { _default: '[host."https://all.lan"]\n' };
  expect(placesOf('a.lan:5000', all)).toEqual(['https://all.lan/v2 for a.lan:5000', 'https://a.lan:5000/v2 own']);
  for (const name of ['a.lan:5000', 'a.lan_5000_'])
    expect(placesOf('a.lan:5000', { ...all, [name]: 'server = "https://b.lan"\n' })).toEqual([
      'https://b.lan/v2 for a.lan:5000',
    ]);
});

test('a file does not make a loopback registry need TLS, and can make another need none', () => {
  expect(placesOf('127.0.0.1:5000', { _default: '' })).toEqual(['either://127.0.0.1:5000/v2 own']);
  expect(placesOf('a.lan', { 'a.lan': 'server = "http://a.lan"\n' })).toEqual(['http://a.lan/v2 own']);
  expect(placesOf('a.lan', { 'a.lan': '' }, { insecure: ['a.lan'] })).toEqual(['either://a.lan/v2 own']);
});
