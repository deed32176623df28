import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startEngine, type TestEngine } from '../harness/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
}, 60_000);
afterAll(() => engine[Symbol.asyncDispose](), 60_000);

const docker = (...words: string[]): Promise<string> => engine.output('docker', words);
const none = ['--network', 'none'];

test('a container shares the IPC and the /dev/shm of one that lends them', async () => {
  await docker(
    'run',
    '-d',
    '--name',
    'lender',
    '--ipc',
    'shareable',
    '--shm-size',
    '1m',
    ...none,
    'busybox',
    'sleep',
    '100',
  );
  await docker('exec', 'lender', 'sh', '-c', 'echo lent > /dev/shm/word');
  const inside = 'cat /dev/shm/word; echo back > /dev/shm/answer; readlink /proc/self/ns/ipc; df -k /dev/shm | tail -1';
  const [word, ipc = '', disk] = (
    await docker('run', '--rm', '--ipc', 'container:lender', ...none, 'busybox', 'sh', '-c', inside)
  ).split('\n');
  expect({ word, ipc, disk }).toEqual({
    word: 'lent',
    ipc: await docker('exec', 'lender', 'readlink', '/proc/self/ns/ipc'),
    disk: expect.stringMatching(/^shm +1024 /),
  });
  expect(await docker('exec', 'lender', 'cat', '/dev/shm/answer')).toBe('back');
  // Home again: the rest of its tree is its own.
  await docker('exec', 'lender', 'touch', '/only-lender');
  expect(
    (await engine.run('docker', ['run', '--rm', '--ipc', 'container:lender', ...none, 'busybox', 'ls', '/only-lender']))
      .exitCode,
  ).toBe(1);
  await docker('rm', '-f', 'lender');
});

test('who does not lend is named', async () => {
  await docker('run', '-d', '--name', 'miser', ...none, 'busybox', 'sleep', '100');
  const refused = await engine.run('docker', ['run', '--rm', '--ipc', 'container:miser', ...none, 'busybox', 'true']);
  expect(refused.stderr).toContain('non-shareable IPC (hint: use IpcMode:shareable for the donor container)');
  await docker('rm', '-f', 'miser');
  await docker('create', '--name', 'idle', '--ipc', 'shareable', ...none, 'busybox', 'true');
  const early = await engine.run('docker', ['run', '--rm', '--ipc', 'container:idle', ...none, 'busybox', 'true']);
  expect(early.stderr).toContain('cannot join IPC of a non running container');
  await docker('rm', 'idle');
});
