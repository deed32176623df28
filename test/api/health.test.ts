import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
}, 60_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
}, 60_000);

const docker = (...words: string[]): Promise<string> => engine.output('docker', words);

async function run(check: string, ...options: string[]): Promise<string> {
  const often = ['--health-interval', '50ms', '--health-timeout', '5s', '--health-retries', '2'];
  return await docker(
    'run',
    '-d',
    '--network',
    'none',
    ...often,
    ...options,
    '--health-cmd',
    check,
    'busybox',
    'sleep',
    '600',
  );
}

const health = (id: string): Promise<string> => docker('inspect', '-f', '{{.State.Health.Status}}', id);

async function results(id: string): Promise<{ ExitCode: number; Output: string }[]> {
  return JSON.parse(await docker('inspect', '-f', '{{json .State.Health.Log}}', id)) as {
    ExitCode: number;
    Output: string;
  }[];
}

async function becomes(id: string, status: string): Promise<void> {
  await waitFor(`it is ${status}`, async () => (await health(id)) === status);
}

test('a probe that succeeds makes a container healthy, and one that fails again and again unhealthy', async () => {
  const id = await run('test -e /tmp/ok && echo fine');
  await becomes(id, 'unhealthy');
  expect(await docker('ps', '--filter', 'health=unhealthy', '-q', '--no-trunc')).toBe(id);
  await docker('exec', id, 'touch', '/tmp/ok');
  await becomes(id, 'healthy');
  expect(await docker('ps', '--format', '{{.Status}}', '--filter', `id=${id}`)).toEndWith('(healthy)');
  expect(await docker('inspect', '-f', '{{.State.Health.FailingStreak}}', id)).toBe('0');
  const areGood = async (): Promise<boolean> =>
    (await results(id)).filter(({ ExitCode }) => ExitCode === 0).length === 5;
  await waitFor('the last five results are kept', areGood);
  expect(new Set((await results(id)).map(({ Output }) => Output))).toEqual(new Set(['fine\n']));
  const events = await docker(
    'events',
    '--since',
    '0',
    '--until',
    (Date.now() / 1000).toFixed(3),
    '--filter',
    `container=${id}`,
    '--format',
    '{{.Action}}',
  );
  expect(events.split('\n').filter((action) => action.startsWith('health_status'))).toEqual([
    'health_status: unhealthy',
    'health_status: healthy',
  ]);
  await docker('rm', '-f', id);
});

test('a probe that takes too long is killed and counts as failed', async () => {
  const id = await run('echo began; sleep 600', '--health-timeout', '100ms', '--health-retries', '1');
  await becomes(id, 'unhealthy');
  const [code, output] = (
    await docker('inspect', '-f', '{{(index .State.Health.Log 0).ExitCode}}|{{(index .State.Health.Log 0).Output}}', id)
  ).split('|');
  expect([code, output?.trim()]).toEqual(['-1', 'Health check exceeded timeout (100ms): began']);
  expect(await docker('inspect', '-f', '{{.State.Running}}', id)).toBe('true');
  await docker('rm', '-f', id);
});

test('a paused container is left in peace, and one that stopped is not healthy', async () => {
  const id = await run('true');
  await becomes(id, 'healthy');
  await docker('pause', id);
  const before = await docker('inspect', '-f', '{{json .State.Health.Log}}', id);
  await docker('unpause', id);
  await waitFor(
    'it is probed again',
    async () => (await docker('inspect', '-f', '{{json .State.Health.Log}}', id)) !== before,
  );
  await docker('stop', '-t', '0', id);
  expect(await docker('inspect', '-f', '{{.State.Status}} {{.State.Health.Status}}', id)).toBe('exited unhealthy');
  await docker('start', id);
  await becomes(id, 'healthy');
  await docker('rm', '-f', id);
});

test('health outlives the daemon, and so does the watch', async () => {
  const id = await run('test -e /tmp/ok');
  await becomes(id, 'unhealthy');
  await engine.kill9();
  await engine.start();
  expect(await health(id)).toBe('unhealthy');
  await docker('exec', id, 'touch', '/tmp/ok');
  await becomes(id, 'healthy');
  await docker('rm', '-f', id);
});

test('without a healthcheck, or with it taken away, there is no health to tell', async () => {
  const id = await docker('run', '-d', '--network', 'none', '--no-healthcheck', 'busybox', 'sleep', '60');
  expect(await docker('inspect', '-f', '{{json .State.Health}}', id)).toBe('null');
  expect(await docker('ps', '--filter', 'health=none', '-q', '--no-trunc')).toContain(id);
  await docker('rm', '-f', id);
});

test('a probe is killed also when its time is over before it stands', async () => {
  const id = await run('sleep 600', '--health-timeout', '1ms');
  await becomes(id, 'unhealthy');
  expect((await results(id))[0]).toMatchObject({ ExitCode: -1, Output: 'Health check exceeded timeout (1ms)' });
  await docker('rm', '-f', id);
});

test('a timeout that no timer holds is not over at once', async () => {
  const id = await run('true', '--health-timeout', '1000h');
  await becomes(id, 'healthy');
  await docker('rm', '-f', id);
});
