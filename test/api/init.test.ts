import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startEngine, type TestEngine } from '../harness/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const run = (...words: string[]) => engine.run('docker', ['run', '--rm', '--network', 'none', ...words]);

test('--init puts an init before the command, which sees none of it in its exit code', async () => {
  const seen = await run('--init', 'busybox', 'sh', '-c', 'cat /proc/1/cmdline | tr "\\0" " "; exit 7');
  expect(seen.stdout).toStartWith('/sbin/docker-init -- sh -c');
  expect(seen.exitCode).toBe(7);
  expect((await run('--init', 'busybox', 'sh', '-c', 'kill -9 $$')).exitCode).toBe(137);
  const missing = await run('--init', 'busybox', 'nosuch');
  expect({ code: missing.exitCode, text: missing.stderr }).toMatchObject({
    code: 127,
    text: expect.stringContaining('exec nosuch failed: No such file or directory'),
  });
});

test('init reaps what is orphaned', async () => {
  const script = '(sleep 0 & exec sleep 0.1) & wait; sleep 0.3; grep -l "^State:.Z" /proc/[0-9]*/status; echo over';
  expect((await run('--init', 'busybox', 'sh', '-c', script)).stdout).toBe('over\n');
});

test('init passes signals on, and a terminal its keys', async () => {
  const id = await engine.output('docker', [
    ...['run', '-d', '--init', '--network', 'none', 'busybox'],
    ...['sh', '-c', 'trap "echo told; exit 3" TERM; echo ready; while :; do sleep 0.05; done'],
  ]);
  while (!(await engine.output('docker', ['logs', id])).includes('ready')) await Bun.sleep(20);
  await engine.output('docker', ['stop', '-t', '5', id]);
  expect(await engine.output('docker', ['logs', id])).toBe('ready\ntold');
  expect(await engine.output('docker', ['inspect', '-f', '{{.State.ExitCode}} {{.Path}}', id])).toBe('3 sh');
  expect(
    (await run('-t', '--init', 'busybox', 'sh', '-c', 'ps -o pgid,pid | tail -n +2 | wc -l; tty')).stdout,
  ).toContain('/dev/pts/0');
  await engine.output('docker', ['rm', '-f', id]);
});

test('a container that shares PIDs has no init of its own, and the daemon may give one to all', async () => {
  const host = await run('--init', '--pid', 'host', 'busybox', 'cat', '/proc/self/cmdline');
  expect(host.stdout).toBe('cat\0/proc/self/cmdline\0');
  await using other = await startEngine({ daemonArguments: ['--init'] });
  const words = ['run', '--rm', '--network', 'none', 'busybox', 'cat', '/proc/1/comm'];
  expect(await other.output('docker', words)).toBe('docker-init');
});
