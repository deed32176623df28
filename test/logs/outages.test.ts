import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type Listener, listenStream } from './listeners.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function start(port: number, script: string, options: readonly string[] = []): Promise<string> {
  const address = [
    '--log-driver',
    'syslog',
    '--log-opt',
    `syslog-address=tcp://127.0.0.1:${port}`,
    '--log-opt',
    'tag=t',
  ];
  return engine.output('docker', [
    'run',
    '-d',
    '--network',
    'none',
    ...address,
    ...options,
    'busybox',
    'sh',
    '-c',
    script,
  ]);
}

const counting = (count: number, pause = ''): string =>
  `i=0; while [ $i -lt ${count} ]; do echo "line $i"; i=$((i+1)); ${pause} done`;

/** Numbers of the lines that came, in order, each once. */
function numbersIn(...listeners: readonly Listener[]): number[] {
  const text = listeners.map((listener) => listener.text()).join('');
  const numbers = [...text.matchAll(/line (\d+)\n/g)].map((match) => Number(match[1]));
  return [...new Set(numbers)];
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

test('a receiver that is down holds up nobody, and gets every line when it is there', async () => {
  const port = await freePort();
  const id = await start(port, counting(500));
  expect(await engine.output('docker', ['wait', id])).toBe('0');
  expect(await engine.output('docker', ['logs', '--tail', '1', id])).toBe('line 499');
  await using listener = await listenStream({ port });
  await waitFor('all lines came', () => numbersIn(listener).length === 500, 20_000);
  expect(numbersIn(listener)).toEqual(upTo(500));
  const [, again] = engine.log().match(/cannot send the log[\s\S]*is sent to syslog (again)/) ?? [];
  expect(again).toBe('again');
  await engine.output('docker', ['rm', id]);
}, 30_000);

test('a receiver that is killed and comes back gets what it may have missed', async () => {
  const port = await freePort();
  const first = await listenStream({ port });
  const id = await start(port, counting(300, 'usleep 5000;'));
  await waitFor('some lines came', () => numbersIn(first).length > 50);
  await first[Symbol.asyncDispose]();
  await using second = await listenStream({ port });
  await waitFor('all lines came', () => numbersIn(first, second).length === 300, 20_000);
  expect(numbersIn(first, second)).toEqual(upTo(300));
  await engine.output('docker', ['rm', '-f', id]);
}, 30_000);

test('a receiver that takes nothing holds up neither a container, nor its next run, nor the end of the daemon', async () => {
  const deaf = await listenStream({ isDeaf: true });
  const { port } = deaf;
  const id = await start(port, `yes $(printf %01000d 0) | head -c 20020000; ${counting(10)}`);
  expect(await engine.output('docker', ['wait', id])).toBe('0');
  await engine.output('docker', ['start', id]);
  expect(await engine.output('docker', ['wait', id])).toBe('0');
  const before = performance.now();
  await engine.stop();
  expect(performance.now() - before).toBeLessThan(3000);
  await deaf[Symbol.asyncDispose]();
  await using listener = await listenStream({ port });
  await engine.start();
  await waitFor('the last line came', () => listener.messages.at(-1)?.toString().endsWith('line 9\n') === true, 60_000);
  await engine.output('docker', ['rm', id]);
}, 90_000);

test('a daemon that is killed while lines flow loses none, also those that are written while none runs', async () => {
  await using listener = await listenStream();
  const id = await start(listener.port, counting(400, 'usleep 5000;'));
  for (const wanted of [40, 120]) {
    await waitFor('some lines came', () => numbersIn(listener).length > wanted);
    await engine.kill9();
    await engine.start();
  }
  await waitFor('more lines came', () => numbersIn(listener).length > 200);
  await engine.kill9();
  await waitForEnd(id);
  await engine.start();
  await waitFor('all lines came', () => numbersIn(listener).length === 400, 20_000);
  expect(numbersIn(listener)).toEqual(upTo(400));
  // Doubles are the few that a killed daemon had not yet booked.
  expect([...listener.text().matchAll(/line \d+\n/g)].length).toBeLessThan(1000);
  await engine.output('docker', ['rm', id]);
}, 60_000);

/** Its process says the last line; the log is a file that needs no daemon. */
async function waitForEnd(id: string): Promise<void> {
  const path = join(engine.dataRoot, 'containers', id, `${id}-json.log`);
  await waitFor('the last line is in the file', async () => (await Bun.file(path).text()).includes('line 399'));
}

test('a log that is rotated while it is sent, and while nobody takes it, arrives whole', async () => {
  const port = await freePort();
  const options = ['--log-opt', 'cache-max-size=4k', '--log-opt', 'cache-max-file=50'];
  await using listener = await listenStream({ port });
  const id = await start(port, counting(2000), options);
  await waitFor('all lines came', () => numbersIn(listener).length === 2000, 20_000);
  expect(numbersIn(listener)).toEqual(upTo(2000));
  await engine.output('docker', ['rm', id]);
  const later = await freePort();
  const waiting = await start(later, counting(1000), options);
  await engine.output('docker', ['wait', waiting]);
  await using late = await listenStream({ port: later });
  await waitFor('all lines came', () => numbersIn(late).length === 1000, 20_000);
  expect(numbersIn(late)).toEqual(upTo(1000));
  await engine.output('docker', ['rm', waiting]);
}, 60_000);

test('the last lines of a container that is removed by itself arrive before it is gone', async () => {
  await using listener = await listenStream();
  const address = ['--log-driver', 'syslog', '--log-opt', `syslog-address=tcp://127.0.0.1:${listener.port}`];
  await engine.output('docker', [
    'run',
    '--rm',
    '--network',
    'none',
    ...address,
    'busybox',
    'sh',
    '-c',
    counting(2000),
  ]);
  await waitFor('all lines came', () => numbersIn(listener).length === 2000);
});

test('hostile lines: NULs, bytes that are no text, and a line without an end', async () => {
  await using listener = await listenStream();
  const script = 'printf "a\\0b\\377\\n"; head -c 50000000 /dev/zero | tr "\\0" z; echo; echo after';
  const id = await start(listener.port, script);
  await waitFor(
    'the last line came',
    () => listener.messages.at(-1)?.toString().endsWith(': after\n') === true,
    30_000,
  );
  const text = Buffer.concat(listener.messages).toString();
  expect(text).toContain(': a\0b\ufffd\n');
  expect([...text.matchAll(/: (z+)\n/g)].reduce((sum, match) => sum + (match[1]?.length ?? 0), 0)).toBe(50_000_000);
  const read = Bun.spawn(['docker', '-H', engine.host, 'logs', id], { stdout: 'pipe', stderr: 'ignore' });
  expect((await read.stdout.bytes()).length).toBe('a\0b\ufffd\n'.length + 2 + 50_000_001 + 'after\n'.length);
  await engine.output('docker', ['rm', id]);
}, 60_000);

test('syslog over TLS: the certificate is checked, and messages are counted', async () => {
  const directory = mkdtempSync(join(engine.root, 'tls-'));
  await makeCertificate(directory);
  const [key, cert] = [await Bun.file(join(directory, 'key')).text(), await Bun.file(join(directory, 'cert')).text()];
  await using listener = await listenStream({ tls: { key, cert } });
  const address = [
    ...['--log-driver', 'syslog', '--log-opt', `syslog-address=tcp+tls://localhost:${listener.port}`],
    ...['--log-opt', 'syslog-format=rfc5424'],
  ];
  const run = (...options: string[]): Promise<string> =>
    engine.output('docker', ['run', '-d', '--network', 'none', ...address, ...options, 'busybox', 'echo', 'hello']);
  const trusting = await run('--log-opt', `syslog-tls-ca-cert=${join(directory, 'cert')}`);
  await waitFor('it came', () => listener.text().endsWith('- hello\n'));
  const [, length, message] = /^(\d+) ([\s\S]*)$/.exec(listener.text()) ?? [];
  expect(Number(length)).toBe(message?.length ?? 0);
  listener.messages.length = 0;
  const wary = await run();
  await waitFor('it is refused', () => /cannot send the log .*(self.signed|certificate)/i.test(engine.log()));
  expect(listener.messages).toEqual([]);
  await engine.output('docker', ['rm', trusting, wary]);
});

async function makeCertificate(directory: string): Promise<void> {
  const child = Bun.spawn(
    [
      ...[
        'openssl',
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '1',
      ],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
      ...['-keyout', join(directory, 'key'), '-out', join(directory, 'cert')],
    ],
    { stderr: 'ignore' },
  );
  expect(await child.exited).toBe(0);
}
