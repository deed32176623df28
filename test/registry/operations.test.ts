import { expect, test } from 'bun:test';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrograms } from '../../tools/bootstrap.ts';
import { commandOutput, runCommand } from '../harness/command.ts';
import { gantryProgram } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';
import { openRaw } from './raw-request.ts';
import { digestOf, pushBlob, pushImage, randomBlob, startRegistry } from './registry-server.ts';

const serve = (...argv: string[]) => runCommand([gantryProgram, 'registry', 'serve', ...argv]);

test('health and figures are there for who looks after it', async () => {
  await using registry = await startRegistry();
  await pushImage(registry, 'seen', 'v1');
  await registry.request('GET', '/v2/seen/manifests/v1');
  for (const path of ['/healthz', '/debug/health'])
    expect(await (await registry.request('GET', path)).json()).toEqual({ status: 'ok' });
  const text = await (await registry.request('GET', '/metrics')).text();
  expect(text).toContain('registry_requests_total{method="GET",route="get-manifest",status="200"} 1\n');
  expect(text).toContain('registry_request_duration_seconds_count{route="put-manifest"} 1\n');
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
});

test('figures have an address of their own when that is asked for', async () => {
  await using registry = await startRegistry({ argv: ['--metrics', '127.0.0.1:0'] });
  expect((await registry.request('GET', '/metrics')).status).toBe(404);
  const url = /"msg":"serving metrics","url":"([^"]+)"/.exec(registry.log())?.[1] ?? '';
  expect(await (await fetch(url)).text()).toContain('registry_requests_in_flight 0');
});

test('each request is a line of JSON', async () => {
  await using registry = await startRegistry();
  await registry.request('GET', '/v2/nothing/tags/list?n=5');
  const line = await waitFor('the line is written', () =>
    registry
      .log()
      .split('\n')
      .find((each) => each.includes('/v2/nothing')),
  );
  expect(JSON.parse(line)).toMatchObject({
    msg: 'request',
    method: 'GET',
    route: 'tags',
    path: '/v2/nothing/tags/list',
    status: 404,
    remote: '127.0.0.1',
  });
});

test('an address that others reach is warned of', async () => {
  await using open = await startRegistry({ argv: ['--listen', '0.0.0.0:0'] });
  expect(open.log()).toContain('"level":"warn","msg":"whoever reaches this address may push and delete"');
  await using own = await startRegistry();
  expect(own.log()).not.toContain('"level":"warn"');
});

test('SIGTERM lets answers finish and ends with 0', async () => {
  await using registry = await startRegistry();
  const { bytes, digest } = randomBlob(100_000);
  const location = (await registry.request('POST', '/v2/drained/blobs/uploads/')).headers.get('location') ?? '';
  using raw = await openRaw(registry.url());
  raw.write(
    `PUT ${location}?digest=${digest} HTTP/1.1\r\nHost: r\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n`,
  );
  raw.write(bytes.subarray(0, 50_000));
  await waitFor(
    'half of it has arrived',
    async () => (await registry.request('GET', location)).headers.get('range') === '0-49999',
  );
  const ended = registry.end('SIGTERM');
  await waitFor('it shuts down', () => registry.log().includes('"msg":"shutting down"'));
  raw.write(bytes.subarray(50_000));
  expect(await raw.closed).toStartWith('HTTP/1.1 201');
  expect(await ended).toBe(0);
  await registry.start();
  expect((await registry.request('HEAD', `/v2/drained/blobs/${digest}`)).status).toBe(200);
});

test('it serves TLS', async () => {
  await using registry = await startRegistry({
    prepare: async (root) => {
      ensurePrograms('openssl');
      const [key, cert] = [join(root, 'key.pem'), join(root, 'cert.pem')];
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
      const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', '2', '-nodes'];
      await commandOutput(['openssl', 'req', '-x509', ...curve, '-keyout', key, '-out', cert, ...subject]);
      return ['--tls-cert', cert, '--tls-key', key];
    },
  });
  expect(registry.url()).toStartWith('https://');
  const secure: Pick<typeof registry, 'request'> = {
    request: (method, path, init) =>
      registry.request(method, path, {
        ...init,
        tls: { ca: Bun.file(join(registry.root, 'cert.pem')) },
      } as RequestInit),
  };
  const { bytes, digest } = randomBlob(3_000_000);
  await pushBlob(secure, 'tls', bytes);
  const got = await secure.request('GET', `/v2/tls/blobs/${digest}`);
  expect(digestOf(new Uint8Array(await got.arrayBuffer()))).toBe(digest);
});

test('two registries do not share a directory, and a killed one does not keep it', async () => {
  await using registry = await startRegistry();
  const second = await serve('--data', registry.data, '--listen', '127.0.0.1:0');
  expect([second.exitCode, second.stderr]).toEqual([
    1,
    `gantry registry: cannot serve "${registry.data}": another registry serves it\nstop that one, or give this one its own --data\n`,
  ]);
  expect((await registry.request('GET', '/v2/')).status).toBe(200);
  await registry.end('SIGKILL');
  await registry.start();
  await registry.end('SIGTERM');
  expect(existsSync(join(registry.data, 'control.sock'))).toBe(false);
  await registry.start();
});

test('help names the commands, and every option with what counts without it', async () => {
  const help = await runCommand([gantryProgram, 'registry', '--help']);
  expect(help).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('  serve   Serve a registry until SIGTERM.'),
  });
  const options = (await serve('--help')).stdout;
  expect(options).toStartWith('Usage:  gantry registry serve --data DIR [OPTIONS]\n');
  expect(options).toMatch(
    /^ {6}--gc-grace string {2,}How long a blob that nothing refers to is kept \(default 24h\)$/m,
  );
});

test('a command line that cannot be meant ends with one line', async () => {
  await using registry = await startRegistry();
  const elsewhere = join(registry.root, 'other');
  const taken = registry.url().slice('http://'.length);
  writeFileSync(join(registry.root, 'bad'), 'alice:plain\n');
  const rows: readonly (readonly [readonly string[], number, string])[] = [
    [[], 1, '--data is needed'],
    [['--nope'], 125, 'unknown flag: --nope'],
    [['--data', elsewhere, 'word'], 125, 'unexpected argument: word'],
    [['--data', elsewhere, '--listen', 'x'], 1, 'invalid address "x": use one such as 127.0.0.1:5000'],
    [['--data', elsewhere, '--gc-grace', '5'], 1, 'invalid value "5" of --gc-grace: use a duration such as 90s or 24h'],
    [['--data', elsewhere, '--tls-cert', '/x'], 1, '--tls-cert and --tls-key need each other'],
    [['--data', elsewhere, '--tokens'], 1, '--grants and --tokens need --htpasswd'],
    [
      ['--data', elsewhere, '--proxy', 'docker.io'],
      1,
      'invalid value "docker.io" of --proxy: use a URL such as https://registry.example',
    ],
  ];
  for (const [argv, exitCode, text] of rows)
    expect(await serve(...argv)).toMatchObject({ exitCode, stderr: `gantry registry: ${text}\n`, stdout: '' });
  const bad = await serve('--data', elsewhere, '--htpasswd', join(registry.root, 'bad'));
  expect(bad.stderr).toStartWith('gantry registry: cannot read htpasswd file: line 1 is no user');
  const busy = await serve('--data', elsewhere, '--listen', taken);
  expect([busy.exitCode, busy.stderr]).toEqual([1, expect.stringContaining('cannot listen on "127.0.0.1" port')]);
});
