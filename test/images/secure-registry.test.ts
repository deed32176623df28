import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
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
