import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugVarsWire } from '@gantry/api';
import { RawClient } from '../api/raw-client.ts';
import { type CommandResult, runCommand } from '../harness/command.ts';
import { gantryProgram, startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine({ daemonArguments: ['--debug'] });
}, 60_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
}, 60_000);

const pidInPlace = (): number => Number(readFileSync(join(engine.root, 'gantry.pid'), 'utf8'));

/** Has the daemon in place start its successor, and waits until that serves. */
async function renew(): Promise<void> {
  const before = pidInPlace();
  const served = engine.log().split('completed initialization').length;
  process.kill(before, 'SIGUSR2');
  await waitFor('a successor serves', () => engine.log().split('completed initialization').length > served);
  expect(pidInPlace()).not.toBe(before);
}

test('20 takeovers under a loop of clients: none sees an error', async () => {
  let goes = true;
  const failures: CommandResult[] = [];
  let count = 0;
  const loop = async (argv: readonly string[], expected: string): Promise<void> => {
    while (goes) {
      const result = await engine.run('docker', argv);
      count++;
      if (result.exitCode !== 0 || result.stderr !== '' || !result.stdout.includes(expected)) failures.push(result);
    }
  };
  const loops = [
    loop(['ps', '-a', '--format', 'ok'], ''),
    loop(['run', '--rm', '--network', 'none', 'busybox', 'echo', 'said'], 'said\n'),
    loop(['run', '--rm', 'busybox', 'sh', '-c', 'sleep 0.2; echo slow; exit 0'], 'slow\n'),
  ];
  for (let round = 0; round < 20; round++) await renew();
  goes = false;
  await Promise.all(loops);
  expect(failures).toEqual([]);
  expect(count).toBeGreaterThan(20);
}, 120_000);

type Piped = Bun.Subprocess<'pipe', 'pipe', 'pipe'>;

/** A client that runs for a while, with what it has printed so far. */
function follow(argv: readonly string[]): { child: Piped; printed: () => string } {
  const child = Bun.spawn(['docker', '-H', engine.host, ...argv], { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' });
  let text = '';
  void (async () => {
    for await (const bytes of child.stdout) text += Buffer.from(bytes).toString();
  })();
  return { child, printed: () => text };
}

function say(child: Piped, line: string): void {
  child.stdin.write(`${line}\n`);
  void child.stdin.flush();
}

test('what waits, follows, listens and is attached goes on through three takeovers', async () => {
  const script = 'while read line; do echo "got $line"; [ "$line" = last ] && exit 7; done';
  const id = await engine.output('docker', ['run', '-di', '--name', 'long', 'busybox', 'sh', '-c', script]);
  const since = new Date().toISOString();
  const events = follow(['events', '--since', since, '--filter', 'container=long', '--format', '{{.Action}}']);
  const logs = follow(['logs', '-f', 'long']);
  const waits = follow(['wait', 'long']);
  const attached = follow(['attach', 'long']);
  const exec = follow(['exec', '-i', 'long', 'sh', '-c', 'read line; echo "exec $line"; exit 3']);
  await waitFor('the exec runs', () => events.printed().includes('exec_start'));
  for (let round = 1; round <= 3; round++) {
    say(attached.child, `round ${round}`);
    for (const { printed } of [attached, logs])
      await waitFor(`round ${round} is seen`, () => printed().includes(`got round ${round}\n`));
    await renew();
  }
  say(exec.child, 'said');
  void exec.child.stdin.end();
  expect(await exec.child.exited).toBe(3);
  expect(exec.printed()).toBe('exec said\n');
  await engine.output('docker', ['rename', 'long', 'longer']);
  say(attached.child, 'last');
  expect(await attached.child.exited).toBe(7);
  expect(await waits.child.exited).toBe(0);
  expect(waits.printed()).toBe('7\n');
  expect(await logs.child.exited).toBe(0);
  const lines = ['round 1', 'round 2', 'round 3', 'last'].map((line) => `got ${line}\n`).join('');
  expect([attached.printed(), logs.printed()]).toEqual([lines, lines]);
  await waitFor('its end is told', () => events.printed().includes('die'));
  events.child.kill();
  await events.child.exited;
  expect(
    events
      .printed()
      .split('\n')
      .filter((line) => /^(exec_die|rename|die)/.test(line)),
  ).toEqual(['exec_die', 'rename', 'die']);
  await engine.output('docker', ['rm', id]);
}, 60_000);

test('a client that attached before the start sees all that comes after a takeover', async () => {
  const id = await engine.output('docker', ['create', '-i', 'busybox', 'sh', '-c', 'echo first; cat; exit 4']);
  const path = engine.host.replace('unix://', '');
  using client = await RawClient.connect(path);
  client.send(
    `POST /containers/${id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
  );
  await client.until('\r\n\r\n');
  using waiting = await RawClient.connect(path);
  waiting.send(`POST /containers/${id}/wait?condition=next-exit HTTP/1.1\r\nHost: d\r\n\r\n`);
  await waiting.until('\r\n\r\n');
  await renew();
  expect((await engine.api('POST', `/containers/${id}/start`)).status).toBe(204);
  client.send('typed');
  client.halfClose();
  const output = await client.untilEnd();
  expect(output).toContain('first\n');
  expect(output).toEndWith('typed');
  expect(await waiting.until('StatusCode')).toContain('{"StatusCode":4}');
  await engine.output('docker', ['rm', id]);
}, 30_000);

test('a connection that was kept for its next request is carried on', async () => {
  using client = await RawClient.connect(engine.host.replace('unix://', ''));
  const ask = 'GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n';
  client.send(ask);
  await client.until('OK');
  await renew();
  client.send(ask.replace('_ping', 'version'));
  expect(await client.until('"Components"')).toContain('HTTP/1.1 200 OK');
}, 30_000);

test('a successor that does not come up changes nothing: the daemon serves on, and streams too', async () => {
  const id = await engine.output('docker', ['run', '-d', 'busybox', 'sleep', '600']);
  const waits = follow(['wait', id]);
  const before = pidInPlace();
  // Its data root is another one, so it never becomes ready on these.
  const broken = await runCommand([
    ...[gantryProgram, 'daemon', '--takeover', '--exec-root', engine.execRoot, '--data-root', '/proc/nowhere'],
    ...['--host', engine.host, '--pidfile', join(engine.root, 'broken.pid')],
  ]);
  expect(broken.exitCode).not.toBe(0);
  expect(await engine.output('docker', ['inspect', '--format', '{{.State.Running}}', id])).toBe('true');
  expect(pidInPlace()).toBe(before);
  await engine.output('docker', ['kill', id]);
  expect(await waits.child.exited).toBe(0);
  expect(waits.printed()).toBe('137\n');
  await engine.output('docker', ['rm', id]);
  await renew();
}, 30_000);

test('who waits at a daemon that gave way is answered even when its successor is stopped and started', async () => {
  const id = await engine.output('docker', ['run', '-d', 'busybox', 'sleep', '600']);
  await renew();
  const waits = follow(['wait', id]);
  await waitFor('it waits', () => waitsAt(id));
  await renew();
  await engine.stop();
  await engine.start();
  await engine.output('docker', ['kill', id]);
  expect(await waits.child.exited).toBe(0);
  expect(waits.printed()).toBe('137\n');
  await engine.output('docker', ['rm', id]);
}, 30_000);

/** The daemon's own word, from the page of its open requests. */
async function waitsAt(id: string): Promise<boolean> {
  const vars = (await (await engine.api('GET', '/debug/vars')).json()) as DebugVarsWire;
  return vars.Requests.some(({ Path }) => Path.endsWith(`/containers/${id}/wait`));
}

test('without a daemon to take over from, --takeover says so', async () => {
  const alone = await runCommand([gantryProgram, 'daemon', '--takeover', '--exec-root', join(engine.root, 'alone')]);
  expect([alone.exitCode, alone.stderr]).toEqual([
    1,
    'gantry daemon: cannot take over: no daemon runs on this --exec-root\nstart this one without --takeover\n',
  ]);
});

test('a daemon that gave way ends when its last client is gone', async () => {
  await waitFor(
    'one daemon is left',
    async () => {
      const { stdout } = await runCommand(['pgrep', '-fc', `daemon .*--data-root ${engine.dataRoot}`]);
      return stdout.trim() === '1';
    },
    20_000,
  );
}, 30_000);
