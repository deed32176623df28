import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync, readlinkSync } from 'node:fs';
import type { ContainerWhyWire } from '@gantry/api';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
}, 60_000);
afterAll(() => engine[Symbol.asyncDispose](), 60_000);

const run = (name: string, ...words: string[]): Promise<unknown> =>
  engine.run('docker', ['run', '-d', '--name', name, '--network', 'none', ...words]);
const say = (name: string): Promise<string> => engine.output('gantry', ['why', name]);

async function why(name: string): Promise<ContainerWhyWire> {
  return JSON.parse(await engine.output('gantry', ['why', '--format', 'json', name])) as ContainerWhyWire;
}

async function ended(name: string): Promise<ContainerWhyWire> {
  await engine.output('docker', ['wait', name]);
  return await why(name);
}

test('its own exit code and the last lines of its log', async () => {
  await run('own', 'busybox', 'sh', '-c', 'for i in $(seq 30); do echo line $i; done; exit 3');
  expect((await ended('own')).Exit).toMatchObject({ Code: 3, Signal: 0, OOMKilled: false });
  const said = await say('own');
  expect(said).toContain('reports a failure, 3.');
  expect(said).toEndWith(
    'The last lines of its log:\n  line 21\n  line 22\n  line 23\n  line 24\n  line 25\n  line 26\n  line 27\n  line 28\n  line 29\n  line 30',
  );
});

test('a stop through the API, with the signals that it took', async () => {
  await run(
    'stopped',
    '--restart',
    'unless-stopped',
    'busybox',
    'sh',
    '-c',
    'trap "" TERM; echo up; sleep 60 & wait; sleep 60',
  );
  await waitFor('its trap is set', async () => (await engine.output('docker', ['logs', 'stopped'])) === 'up');
  await engine.output('docker', ['stop', '-t', '1', 'stopped']);
  const document = await why('stopped');
  expect(document.Signals.map(({ Signal }) => Signal)).toEqual([15, 9]);
  expect(document.Sentences.join('\n')).toMatch(
    /SIGKILL ended its process, hence the code: 128 \+ 9\.\nA stop through the API asked for it\.\nThrough the API it was sent SIGTERM .*\nThrough the API it was sent SIGKILL .*\nIts policy "unless-stopped" does not start it now, because a user stopped it; it stays down/,
  );
});

test('a signal from the host is not laid to the API', async () => {
  await run('struck', 'busybox', 'sleep', '60');
  process.kill(Number(await engine.output('docker', ['inspect', '-f', '{{.State.Pid}}', 'struck'])), 'SIGKILL');
  const { Exit, Signals, Sentences } = await ended('struck');
  expect([Exit?.Code, Exit?.Signal, Signals]).toEqual([137, 9, []]);
  expect(Sentences).toContain('The API sent no signal: it came from inside the container or from the host.');
});

test('an end that nobody saw is not explained away', async () => {
  await run('unseen', 'busybox', 'sleep', '60');
  const pid = await engine.output('docker', ['inspect', '-f', '{{.State.Pid}}', 'unseen']);
  // The parent of a container's first process is its shim.
  const shim = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  expect(readlinkSync(`/proc/${shim}/cwd`)).toStartWith(engine.execRoot);
  process.kill(Number(shim), 'SIGKILL');
  const { Exit, Sentences } = await ended('unseen');
  expect(Exit).toBeNull();
  expect(Sentences[1]).toStartWith('Nobody saw its end: the machine or its shim went down');
});

test('memory that ran out', async () => {
  await run('hungry', '--memory', '16m', '--memory-swap', '16m', 'busybox', 'sh', '-c', 'exec tail /dev/zero');
  const { Exit, Sentences } = await ended('hungry');
  expect(Exit).toMatchObject({ Code: 137, OOMKilled: true });
  expect(Sentences[1]).toBe('It ran out of memory, within its limit of 16MiB: the kernel killed a process of it.');
});

test('a start that failed', async () => {
  await run('absent', 'busybox', 'no-such-command');
  const document = await why('absent');
  expect([document.Exit, document.StartError]).toEqual([null, expect.stringContaining('executable file not found')]);
  expect(document.Sentences[0]).toBe('absent has never run: its start failed.');
});

test('a policy that keeps trying, and one that gave up', async () => {
  await run('tries', '--restart', 'on-failure:2', 'busybox', 'false');
  await waitFor('it gave up', async () => (await why('tries')).Status === 'exited');
  expect((await why('tries')).Sentences.at(-1)).toContain(
    'because it was started again 2 times, and no more is allowed',
  );
  await run('again', '--restart', 'always', 'busybox', 'false');
  const { Restart } = await waitFor('it waits for its next start', async () => {
    const document = await why('again');
    return document.Restart.Count >= 3 && document.Restart.NextAt !== null ? document : undefined;
  });
  expect(Restart.Policy).toBe('always');
  await engine.output('docker', ['rm', '-f', 'again']);
});

test('health, with what the last probe said', async () => {
  const check = ['--health-cmd', 'echo no luck; exit 1', '--health-interval', '50ms', '--health-retries', '1'];
  await run('ill', ...check, 'busybox', 'sleep', '60');
  const { Health, Sentences } = await waitFor('it is unhealthy', async () => {
    const document = await why('ill');
    return document.Health?.Status === 'unhealthy' ? document : undefined;
  });
  expect(Health?.LastProbe).toMatchObject({ ExitCode: 1, Output: 'no luck\n' });
  expect(Sentences.at(-1)).toContain('exited with 1 and said "no luck".');
});

test('a container that there is not', async () => {
  const refused = await engine.run('gantry', ['why', 'nobody']);
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('No such container: nobody')]);
});
