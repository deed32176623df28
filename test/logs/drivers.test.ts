import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, inflateSync } from 'node:zlib';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';
import { listenStream, listenUdp } from './listeners.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const say =
  'echo out; sleep 0.05; echo err >&2; sleep 0.05; echo; head -c 20000 /dev/zero | tr "\\0" x; echo; printf "no end"';
const expected = ['out', 'err', 'x'.repeat(16384), 'x'.repeat(3616), 'no end'];

async function run(
  driver: string,
  options: Readonly<Record<string, string>>,
  words: readonly string[] = ['sh', '-c', say],
) {
  const opts = Object.entries(options).flatMap(([name, value]) => ['--log-opt', `${name}=${value}`]);
  const argv = ['run', '-d', '--network', 'none', '--log-driver', driver, ...opts, '-l', 'com.x=lv', '-e', 'EV=ev'];
  const id = await engine.output('docker', [...argv, 'busybox', ...words]);
  await engine.output('docker', ['wait', id]);
  return id;
}

/** Of local time; the daemon and this test have the same. */
const stamp = '[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d';

test('syslog over UDP gets each line as Docker sends it', async () => {
  await using listener = await listenUdp();
  const id = await run('syslog', { 'syslog-address': `udp://127.0.0.1:${listener.port}` });
  await waitFor('all lines came', () => listener.messages.length === expected.length);
  const name = `${id.slice(0, 12)}\\[${engine.pid()}\\]: `;
  for (const [index, text] of expected.entries())
    expect(listener.messages[index]?.toString()).toMatch(
      new RegExp(`^<${text === 'err' ? 27 : 30}>${stamp} ${name}${text}\n$`),
    );
  expect(await engine.output('docker', ['logs', '--tail', '1', id])).toBe('no end');
});

test('syslog over TCP, in the formats of both RFCs, with a tag and a facility', async () => {
  await using listener = await listenStream();
  const address = { 'syslog-address': `tcp://127.0.0.1:${listener.port}`, 'syslog-facility': 'local3' };
  const tag = { tag: '{{.ImageName}}/{{.Name}}/{{(.ExtraAttributes nil).EV}}', env: 'EV' };
  const words = ['echo', 'hello'];
  const id = await run('syslog', { ...address, ...tag, 'syslog-format': 'rfc3164' }, words);
  const name = await engine.output('docker', ['inspect', '-f', '{{slice .Name 1}}', id]);
  await waitFor('it came', () => listener.text().endsWith('hello\n'));
  await run('syslog', { ...address, tag: 'T', 'syslog-format': 'rfc5424' }, words);
  await waitFor('two came', () => listener.text().split('hello\n').length === 3);
  await run('syslog', { ...address, tag: 'T', 'syslog-format': 'rfc5424micro' }, words);
  await waitFor('three came', () => listener.text().split('hello\n').length === 4);
  const lines = listener.text().split('\n');
  const [host, pid] = [hostname(), engine.pid()];
  expect(lines[0]).toMatch(new RegExp(`^<158>${stamp} ${host} busybox/${name}/ev\\[${pid}\\]: hello$`));
  expect(lines[1]).toMatch(
    new RegExp(`^<158>1 \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ ${host} T ${pid} T - hello$`),
  );
  expect(lines[2]).toMatch(new RegExp(`^<158>1 [\\d-]{10}T[\\d:]{8}\\.\\d{6}Z ${host} T ${pid} T - hello$`));
});

test('gelf over UDP is compressed, and in chunks where it is long', async () => {
  await using listener = await listenUdp();
  const address = { 'gelf-address': `udp://127.0.0.1:${listener.port}`, labels: 'com.x', env: 'EV' };
  const id = await run('gelf', address);
  await waitFor('all lines came', () => listener.messages.length === expected.length);
  const messages = listener.messages.map((message) => JSON.parse(gunzipSync(message).toString()));
  expect(messages.map((message) => message.short_message)).toEqual(expected);
  expect(messages[1]).toMatchObject({
    version: '1.1',
    host: hostname(),
    level: 3,
    '_com.x': 'lv',
    _EV: 'ev',
    _command: `sh -c ${say}`,
    _container_id: id,
    _image_name: 'busybox',
    _tag: id.slice(0, 12),
  });
  listener.messages.length = 0;
  await run('gelf', { ...address, 'gelf-compression-type': 'zlib' }, ['echo', 'one']);
  await waitFor('it came', () => listener.messages.length === 1);
  expect(JSON.parse(inflateSync(listener.messages[0] ?? Buffer.alloc(0)).toString()).short_message).toBe('one');
  listener.messages.length = 0;
  await run('gelf', { ...address, 'gelf-compression-type': 'none' }, [
    'sh',
    '-c',
    'head -c 4000 /dev/zero | tr "\\0" y',
  ]);
  await waitFor(
    'all chunks came',
    () => listener.messages.length > 1 && listener.messages.length === listener.messages[0]?.[11],
  );
  const chunks = listener.messages.toSorted((a, b) => (a[10] ?? 0) - (b[10] ?? 0));
  expect(chunks.map((chunk) => [chunk[0], chunk[1], chunk.length <= 1420])).toEqual(
    chunks.map(() => [0x1e, 0x0f, true]),
  );
  expect(JSON.parse(Buffer.concat(chunks.map((chunk) => chunk.subarray(12))).toString()).short_message).toBe(
    'y'.repeat(4000),
  );
});

test('gelf over TCP ends each message with a NUL', async () => {
  await using listener = await listenStream();
  await run('gelf', { 'gelf-address': `tcp://127.0.0.1:${listener.port}` });
  await waitFor('all lines came', () => listener.text().split('\0').length === expected.length + 1);
  const messages = listener
    .text()
    .split('\0')
    .slice(0, -1)
    .map((text) => JSON.parse(text));
  expect(messages.map((message) => message.short_message)).toEqual(expected);
});

test('fluentd gets messages of the forward protocol, confirmed where that is asked for', async () => {
  const asked: string[] = [];
  await using listener = await listenStream({
    path: join(engine.root, 'fluentd.sock'),
    answer: (bytes, socket) => {
      for (const match of bytes.toString('latin1').matchAll(/\x81\xa5chunk\xb8(.{24})/gs)) {
        asked.push(match[1] ?? '');
        socket.write(Buffer.from(`\x81\xa3ack\xb8${match[1]}`, 'latin1'));
      }
    },
  });
  const address = { 'fluentd-address': `unix://${join(engine.root, 'fluentd.sock')}` };
  const id = await run('fluentd', { ...address, tag: 'docker.{{.ID}}' }, ['echo', 'plain']);
  await waitFor('it came', () => listener.text().endsWith('\x80'));
  const text = listener.text();
  expect(text.startsWith(`\x94\xb3docker.${id.slice(0, 12)}\xd2`)).toBe(true);
  expect(text).toContain(`\x84\xaccontainer_id\xd9@${id}\xaecontainer_name`);
  expect(text).toContain('\xa6source\xa6stdout\xa3log\xa5plain\x80');
  listener.messages.length = 0;
  const options = { ...address, 'fluentd-request-ack': 'true', 'fluentd-sub-second-precision': 'true' };
  await run('fluentd', options, ['sh', '-c', 'echo a; echo b; head -c 17000 /dev/zero']);
  await waitFor('all were confirmed', () => asked.length === 4);
  expect(new Set(asked).size).toBe(4);
  expect(listener.text()).toContain('\xd7\x00');
  expect(listener.text()).toContain('\xafpartial_message\xa4true\xaapartial_id\xd9@');
  expect(listener.text()).toContain('\xafpartial_ordinal\xa12\xacpartial_last\xa5false');
});

test('the local log of every driver is read, unless that was disabled', async () => {
  await using listener = await listenUdp();
  const address = { 'syslog-address': `udp://127.0.0.1:${listener.port}` };
  const id = await run('syslog', { ...address, 'cache-disabled': 'true' }, ['echo', 'hidden']);
  const read = await engine.run('docker', ['logs', id]);
  expect(read.stderr).toBe('Error response from daemon: configured logging driver does not support reading\n');
  const local = await run('local', {}, ['echo', 'kept here']);
  expect(await engine.output('docker', ['logs', local])).toBe('kept here');
  expect(await engine.output('docker', ['inspect', '-f', '{{.LogPath}}', local])).toBe('');
});

test('details of json-file lines are labels, variables and the tag', async () => {
  const id = await run('json-file', { labels: 'com.x', 'env-regex': '^E', tag: '{{.ID}}-x' }, ['echo', 'hi']);
  expect(await engine.output('docker', ['logs', '--details', id])).toBe(`EV=ev,com.x=lv,tag=${id.slice(0, 12)}-x hi`);
});

test('info tells the drivers', async () => {
  const info = await engine.output('docker', ['info', '-f', '{{json .Plugins.Log}} {{.LoggingDriver}}']);
  expect(info).toBe('["fluentd","gelf","journald","json-file","local","syslog"] json-file');
  expect(readFileSync(join(engine.root, 'daemon.log'), 'utf8')).not.toContain('cannot send');
});
