import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bind, close, inetAddress, listen, socket, socketFamily, socketName, socketType } from '@gantry/native';
import { noProxies } from '@gantry/registry';
import { type LocalRegistry, startLocalRegistry } from '../../tools/local-registry.ts';
import { openImageRooms } from './image-rooms.ts';
import { makeImage, makeLayer, makeTar, pushImage } from './made-image.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

let work: string;
let registry: LocalRegistry;
const image = makeImage([makeLayer(makeTar([{ kind: 'file', path: 'f', text: 'mirrored' }]))]);

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'gantry-mirrors-'));
  registry = await startLocalRegistry(join(work, 'registry'));
  await pushImage(`http://${registry.host}/v2/team/app`, 'latest', image);
});
afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  rmSync(work, { recursive: true });
});

type Front = { readonly host: string; readonly seen: string[] } & Disposable;

/** Passes what it is asked on to the registry, unless `refuses` says so, and remembers what came. */
function startFront(refuses: (path: string) => boolean = () => false): Front {
  const seen: string[] = [];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const path = pathname.replace(/^\/(deep\/)?v2\//, '');
      seen.push([path.replace(/sha256:.*/, ''), search, request.headers.get('authorization') ?? ''].join(' ').trim());
      if (refuses(path)) return new Response('', { status: 404 });
      return await fetch(`http://${registry.host}/v2/${path}`, {
        headers: { accept: request.headers.get('accept') ?? '' },
      });
    },
  });
  return { host: `127.0.0.1:${server.port}`, seen, [Symbol.dispose]: () => void server.stop(true) };
}

function hostsFile(domain: string, text: string): readonly string[] {
  const directory = mkdtempSync(join(work, 'certs-'));
  mkdirSync(join(directory, domain));
  writeFileSync(join(directory, domain, 'hosts.toml'), text);
  return [directory];
}

const alice = { username: 'alice', password: 'secret', identityToken: '', registryToken: '', serverAddress: '' };

test('a mirror of any registry is asked first, is told for whom, and gets no credentials', async () => {
  using mirror = startFront();
  const configDirs = hostsFile('registry.invalid', `[host."http://${mirror.host}"]\n`);
  using rooms = openImageRooms(undefined, { configDirs });
  await rooms.pull('registry.invalid/team/app', { auth: alice });
  expect(rooms.images.get('registry.invalid/team/app').id).toBe(image.config.digest);
  expect(mirror.seen).toEqual([
    'team/app/manifests/latest ?ns=registry.invalid',
    'team/app/blobs/ ?ns=registry.invalid',
    'team/app/blobs/ ?ns=registry.invalid',
  ]);
});

test('what mirrors do not have comes from the next, and at last from the registry itself, which gets the credentials', async () => {
  using empty = startFront(() => true);
  using halved = startFront((path) => path.includes('/blobs/'));
  using own = startFront();
  const configDirs = hostsFile(
    own.host,
    ['127.0.0.1:9', empty.host, halved.host].map((host) => `[host."http://${host}"]\n`).join(''),
  );
  using rooms = openImageRooms(undefined, { configDirs });
  await rooms.pull(`${own.host}/team/app`, { auth: alice });
  expect(empty.seen.length).toBe(1);
  expect(halved.seen.length).toBe(2);
  expect(own.seen.filter((line) => line.startsWith('team/'))).toEqual(['team/app/blobs/', 'team/app/blobs/']);
});

/** A port that takes no connection and refuses none: whoever listens there has as many as he wants. */
function openDeafPort(): { readonly port: number } & Disposable {
  const fd = socket(socketFamily.inet, socketType.stream);
  bind(fd, inetAddress(Uint8Array.of(127, 0, 0, 1), 0));
  listen(fd, 0);
  const port = new DataView(socketName(fd).slice().buffer).getUint16(2);
  const callers = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  return {
    port,
    [Symbol.dispose]: () => {
      for (const caller of callers) caller.destroy();
      close(fd);
    },
  };
}

test('a mirror that cannot be connected to in its time is not waited for', async () => {
  using deaf = openDeafPort();
  using own = startFront();
  const mirror = `[host."http://127.0.0.1:${deaf.port}"]\ndial_timeout = "200ms"\n`;
  using rooms = openImageRooms(undefined, { configDirs: hostsFile(own.host, mirror) });
  const startedAt = performance.now();
  await rooms.pull(`${own.host}/team/app`);
  expect(performance.now() - startedAt).toBeWithin(200, 20_000);
  const only = `server = "http://127.0.0.1:${deaf.port}"\ndial_timeout = "200ms"\n`;
  using alone = openImageRooms(undefined, { configDirs: hostsFile('registry.invalid', only) });
  await expect(alone.pull('registry.invalid/team/app')).rejects.toMatchObject({
    code: 'unavailable',
    message: `Get "http://127.0.0.1:${deaf.port}/v2/": dial tcp 127.0.0.1:${deaf.port}: i/o timeout`,
  });
});

test('a mirror that sends other bytes is passed over, and what it sent is not kept', async () => {
  let lies = 0;
  using liar = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      if (pathname.includes('/manifests/')) return new Response(image.manifest.bytes);
      if (pathname.endsWith(image.config.digest)) return new Response(image.config.bytes);
      lies++;
      return new Response(image.layers[0]?.bytes.map((byte, i) => (i === 20 ? byte ^ 1 : byte)));
    },
  });
  using own = startFront();
  const configDirs = hostsFile(own.host, `[host."http://127.0.0.1:${liar.port}"]\ncapabilities = ["pull"]\n`);
  using rooms = openImageRooms(undefined, { configDirs });
  await rooms.pull(`${own.host}/team/app`);
  expect(lies).toBe(1);
  expect(rooms.images.get(`${own.host}/team/app`).id).toBe(image.config.digest);
  await rooms.images.remove(`${own.host}/team/app`, { force: false, platforms: [] }, () => []);
  expect(rooms.leftovers()).toEqual([]);
});

test('a mirror that may only be pulled from is not asked what a tag means', async () => {
  using mirror = startFront();
  using own = startFront();
  const configDirs = hostsFile(own.host, `[host."http://${mirror.host}"]\ncapabilities = ["pull"]\n`);
  using rooms = openImageRooms(undefined, { configDirs });
  await rooms.pull(`${own.host}/team/app`);
  expect(mirror.seen.map((line) => line.split(' ')[0])).toEqual(['team/app/blobs/', 'team/app/blobs/']);
});

test('a file for all registries, a path in the URL, headers, and a server of another name', async () => {
  using mirror = startFront();
  const text = `server = "http://${mirror.host}/deep/v2"\noverride_path = true\n[header]\nauthorization = "Bearer ours"\n`;
  using rooms = openImageRooms(undefined, { configDirs: hostsFile('_default', text) });
  await rooms.pull('anything.invalid:77/team/app', { auth: alice });
  expect(mirror.seen[0]).toBe('team/app/manifests/latest ?ns=anything.invalid%3A77 Bearer ours');
});

test('a hosts.toml that cannot be read is told with its place, and nothing is pulled around it', async () => {
  for (const [text, why] of [
    ['server = ', 'hosts.toml": Invalid TOML document'],
    ['[host."ftp://x"]', 'hosts.toml": host "ftp://x" must be a URL'],
    ['[host."https://a:b@x"]', 'without a password'],
    ['capabilities = ["eat"]', 'unknown capability "eat"'],
    ['ca = "nowhere.crt"', 'cannot use certificate'],
    ['dial_timeout = "soon"', '"dial_timeout" must be a duration such as 1s, not "soon"'],
  ] as const) {
    using rooms = openImageRooms(undefined, { configDirs: hostsFile(registry.host, text) });
    await expect(rooms.pull(`${registry.host}/team/app`)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining(why),
    });
  }
});

test('requests go through the proxy of their scheme, and those to excepted hosts do not', async () => {
  using front = startFront();
  const options = { insecure: ['registry.invalid:5000'], proxies: { ...noProxies, http: `http://${front.host}` } };
  using rooms = openImageRooms(undefined, options);
  await rooms.pull('registry.invalid:5000/team/app');
  expect(front.seen.filter((line) => line.startsWith('team/')).length).toBe(3);
  using direct = openImageRooms(undefined, { ...options, proxies: { ...options.proxies, except: ['.invalid'] } });
  await expect(direct.pull('registry.invalid:5000/team/app')).rejects.toMatchObject({
    message: expect.stringContaining('no such host'),
  });
});
