import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { instanceName, sweepHost } from '../harness/sweep-host.ts';
import { waitFor } from '../harness/wait-for.ts';
import { brokenInvariants } from './invariants.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
}, 60_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const docker = (...argv: string[]): Promise<string> => engine.output('docker', argv);
const stateOf = (name: string): Promise<string> =>
  docker('inspect', name, '--format', '{{.State.Status}} {{.State.ExitCode}}');

/**
 * A reboot as the engine sees one: every process is gone at once, and with them what the kernel and /run hold: the exec
 * root, cgroups, links and packet rules. The data root stays.
 */
async function reboot(): Promise<void> {
  const ids = (await docker('ps', '-q', '--no-trunc')).split('\n').filter((id) => id !== '');
  const networks = (await docker('network', 'ls', '-q', '--filter', 'type=custom'))
    .split('\n')
    .filter((id) => id !== '');
  const bridges = [engine.bridge, ...networks.map((id) => `br-${id}`)];
  const inits = await Promise.all(ids.map((id) => docker('inspect', id, '--format', '{{.State.Pid}}')));
  await engine.kill9();
  for (const pid of [...shimPids(), ...inits.map(Number)]) process.kill(pid, 'SIGKILL');
  await waitFor('all processes to end', () => inits.every((pid) => stateOfProcess(Number(pid)) === undefined));
  rmSync(engine.execRoot, { recursive: true, force: true });
  for (const bridge of bridges) await sweepHost(instanceName(engine.dataRoot), bridge);
  await engine.start();
}

/** A shim works in its task directory. */
function shimPids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        return pid > 0 && readlinkSync(`/proc/${pid}/cwd`).startsWith(`${engine.execRoot}/tasks/`);
      } catch {
        return false; // it ended while we looked, or is a kernel thread
      }
    });
}

/** undefined: gone, or dead and waiting for whoever is its parent by now. */
function stateOfProcess(pid: number): string | undefined {
  try {
    const state = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
    return state === 'Z' ? undefined : state;
  } catch {
    return undefined;
  }
}

test('after a reboot what should run runs again, what ended says so, and data is where it was', async () => {
  await docker('network', 'create', '--subnet', engine.extraSubnet, 'lasting');
  await docker('run', '--rm', '-v', 'kept:/data', 'busybox', 'sh', '-c', 'echo precious > /data/file');
  await docker('run', '-d', '--name', 'plain', 'busybox', 'sleep', '1000');
  await docker('run', '-d', '--rm', '--name', 'passing', 'busybox', 'sleep', '1000');
  await docker('run', '-d', '--restart', 'unless-stopped', '--name', 'resting', 'busybox', 'sh', '-c', 'exit 3');
  await docker('stop', 'resting');
  const serve = 'echo served > /index.html; exec httpd -f -p 80 -h /';
  await docker(
    'run',
    '-d',
    '--restart',
    'always',
    '-p',
    '127.0.0.1::80',
    '--network',
    'lasting',
    '--name',
    'server',
    'busybox',
    'sh',
    '-c',
    serve,
  );

  await reboot();

  expect(await stateOf('plain')).toBe('exited 255');
  expect(await docker('ps', '-aq', '--filter', 'name=passing')).toBe('');
  expect(await stateOf('resting')).toStartWith('exited');
  await waitFor('the server to be started again', async () => (await stateOf('server')) === 'running 0');
  const address = await docker('port', 'server', '80');
  expect(await (await fetch(`http://${address}/`)).text()).toBe('served\n');
  expect(await docker('run', '--rm', '--network', 'lasting', 'busybox', 'wget', '-qO-', 'http://server/')).toBe(
    'served',
  );
  expect(await docker('run', '--rm', '-v', 'kept:/data', 'busybox', 'cat', '/data/file')).toBe('precious');
  await docker('start', 'plain');
  expect(await stateOf('plain')).toBe('running 0');
  expect(await brokenInvariants(engine)).toEqual([]);
  await docker('rm', '-f', 'server');
  await docker('network', 'rm', 'lasting');
}, 60_000);

test('a container whose shim is killed ends with it, and its policy starts a single new run', async () => {
  await docker(
    'run',
    '-d',
    '--restart',
    'always',
    '--name',
    'orphan',
    'busybox',
    'sh',
    '-c',
    'trap "" TERM; sleep 1000',
  );
  const before = Number(await docker('inspect', 'orphan', '--format', '{{.State.Pid}}'));
  const shim = Number(/\d+ \(.*\) \S (\d+)/.exec(readFileSync(`/proc/${before}/stat`, 'utf8'))?.[1]);
  process.kill(shim, 'SIGKILL');
  await waitFor('the first run to end', () => stateOfProcess(before) === undefined);
  const pid = async (): Promise<number> => Number(await docker('inspect', 'orphan', '--format', '{{.State.Pid}}'));
  // The first run is called running until its end is booked.
  await waitFor(
    'a second run',
    async () => ![0, before].includes(await pid()) && (await stateOf('orphan')) === 'running 0',
  );
  expect(await brokenInvariants(engine)).toEqual([]);
}, 60_000);

test('a container that waits for its restart can be removed by force', async () => {
  await docker('run', '-d', '--restart', 'always', '--name', 'again', 'busybox', 'sh', '-c', 'exit 1');
  await waitFor('a restart to be due', async () => (await stateOf('again')).startsWith('restarting'));
  await docker('rm', '-f', 'again');
  expect(await docker('ps', '-aq', '--filter', 'name=again')).toBe('');
}, 60_000);
