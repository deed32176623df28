import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalRegistry, type RegistryOptions, startLocalRegistry } from '../../tools/local-registry.ts';
import { startEngine } from '../harness/engine.ts';
import { openImageRooms } from './image-rooms.ts';
import { type MadeCertificate, makeCertificate } from './token-service.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

let work: string;
let authority: MadeCertificate;
let stranger: MadeCertificate;
let server: MadeCertificate;
let client: MadeCertificate;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'gantry-tls-'));
  authority = await makeCertificate(work, 'authority');
  stranger = await makeCertificate(work, 'stranger');
  server = await makeCertificate(work, 'server', { names: ['IP:127.0.0.1'], signedBy: authority });
  client = await makeCertificate(work, 'client', { signedBy: authority });
});
afterAll(() => rmSync(work, { recursive: true }));

/** A directory of certificates for one registry, as an administrator makes it. */
function certificatesFor(host: string, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(work, 'certs-'));
  mkdirSync(join(directory, host));
  for (const [name, path] of Object.entries(files)) copyFileSync(path, join(directory, host, name));
  return directory;
}

const start = (tls: RegistryOptions['tls']): Promise<LocalRegistry> =>
  startLocalRegistry(mkdtempSync(join(work, 'registry-')), tls === undefined ? {} : { tls });

test('docker pushes to and pulls from a registry that an authority in certs.d vouches for', async () => {
  await using registry = await start(server);
  const certs = certificatesFor(registry.host, { 'ca.crt': authority.certificate });
  await using engine = await startEngine({ daemonArguments: ['--registry-config-dir', certs] });
  const name = `${registry.host}/app`;
  await engine.output('docker', ['tag', 'busybox', name]);
  expect(await engine.output('docker', ['push', name])).toContain('Pushed');
  await engine.output('docker', ['rmi', name, 'busybox']);
  expect(await engine.output('docker', ['pull', name])).toContain('Status: Downloaded newer image');
});

test('a registry that another authority vouches for is not believed, and is not asked in plain http', async () => {
  await using registry = await start(server);
  await using plain = await start(undefined);
  for (const [host, why] of [
    [registry.host, 'tls: failed to verify certificate: x509: certificate signed by unknown authority'],
    [plain.host, 'tls: handshake failure: it speaks no TLS there, or wants a certificate of its clients'],
  ] as const) {
    const configDirs = [certificatesFor(host, { 'ca.crt': stranger.certificate })];
    using rooms = openImageRooms(undefined, { configDirs });
    await expect(rooms.pull(`${host}/app`)).rejects.toMatchObject({
      code: 'unavailable',
      message: `Get "https://${host}/v2/": ${why}`,
    });
  }
});

test('a registry that wants to know its clients is shown a certificate', async () => {
  await using registry = await start({ ...server, authority: authority.certificate });
  const files = { 'ca.crt': authority.certificate, 'client.cert': client.certificate, 'client.key': client.key };
  const configDirs = [certificatesFor(registry.host, files)];
  using rooms = openImageRooms(undefined, { configDirs });
  await expect(rooms.pull(`${registry.host}/app`)).rejects.toMatchObject({ code: 'not-found' });
  const unknown = [certificatesFor(registry.host, { 'ca.crt': authority.certificate })];
  using strangers = openImageRooms(undefined, { configDirs: unknown });
  await expect(strangers.pull(`${registry.host}/app`)).rejects.toMatchObject({ code: 'unavailable' });
});

test('half of a pair of certificate and key is told before anything is sent', async () => {
  for (const [file, why] of [
    ['client.cert', 'missing key client.key for client certificate client.cert'],
    ['client.key', 'missing client certificate client.cert for key client.key'],
  ] as const) {
    const configDirs = [certificatesFor('127.0.0.1:1', { [file]: client.certificate })];
    using rooms = openImageRooms(undefined, { configDirs });
    await expect(rooms.pull('127.0.0.1:1/app')).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining(why),
    });
  }
});

/** A proxy that makes tunnels to one place, whatever it is asked for, and remembers what it could read. */
async function startTunnel(target: string): Promise<{ url: string; seen: string[] } & AsyncDisposable> {
  const seen: string[] = [];
  const [host = '', port = ''] = target.split(':');
  const server = createServer((client) => {
    client.on('error', () => client.destroy());
    client.once('data', (head: Buffer) => {
      seen.push(head.toString('latin1'));
      const upstream = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(upstream).pipe(client);
      });
      upstream.on('error', () => client.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('unreachable: it listens on a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

test("through the proxy of the daemon's environment a registry is spoken to in TLS, end to end", async () => {
  const named = await makeCertificate(work, 'named', { names: ['DNS:registry.invalid'], signedBy: authority });
  const user = { name: 'alice', password: 'secret' };
  await using registry = await startLocalRegistry(mkdtempSync(join(work, 'registry-')), { tls: named, user });
  await using tunnel = await startTunnel(registry.host);
  const certs = certificatesFor('registry.invalid', { 'ca.crt': authority.certificate });
  await using engine = await startEngine({
    daemonArguments: ['--registry-config-dir', certs],
    environment: { HTTPS_PROXY: tunnel.url, NO_PROXY: 'elsewhere.invalid' },
  });
  const name = 'registry.invalid/app';
  await engine.output('docker', ['login', '-u', 'alice', '--password-stdin', 'registry.invalid'], { stdin: 'secret' });
  await engine.output('docker', ['tag', 'busybox', name]);
  expect(await engine.output('docker', ['push', name])).toContain('Pushed');
  expect(tunnel.seen.length).toBeGreaterThan(0);
  for (const head of tunnel.seen) {
    expect(head).toStartWith('CONNECT registry.invalid:443 ');
    expect(head.toLowerCase()).not.toContain('authorization');
  }
});

test('a registry in TLS cannot send credentials to a token service or a store in plain http', async () => {
  const asked: string[] = [];
  using thief = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) => {
      asked.push(request.url);
      return Response.json({ token: 'x' });
    },
  });
  const answers = [
    () => new Response('', { status: 401, headers: { 'www-authenticate': `Bearer realm="${thief.url}token"` } }),
    () => Response.redirect(`${thief.url}blob`, 307),
  ];
  for (const answer of answers) {
    using liar = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      tls: { cert: readFileSync(server.certificate), key: readFileSync(server.key) },
      fetch: answer,
    });
    const host = `127.0.0.1:${liar.port}`;
    using rooms = openImageRooms(undefined, {
      configDirs: [certificatesFor(host, { 'ca.crt': authority.certificate })],
    });
    const auth = { username: 'alice', password: 'secret', identityToken: '', registryToken: '', serverAddress: '' };
    await expect(rooms.pull(`${host}/app`, { auth })).rejects.toMatchObject({ code: 'denied' });
  }
  expect(asked).toEqual([]);
});
