import { expect, test } from 'bun:test';
import { connect, type Socket } from 'node:net';
import { RawClient } from '../api/raw-client.ts';
import { startEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';

const limit = 64;

async function ask(host: string): Promise<string> {
  using client = await RawClient.connect(host.replace('unix://', ''));
  client.send('GET /info HTTP/1.1\r\nHost: d\r\n\r\n');
  return await client.untilEnd();
}

test('a daemon with 64 descriptors outlives more clients than it has room for', async () => {
  await using engine = await startEngine({ launcher: ['prlimit', `--nofile=${limit}:${limit}`] });
  const id = await engine.output('docker', ['run', '-d', 'busybox', 'sleep', '600']);
  let gone = 0;
  const crowd = Array.from({ length: 2 * limit }, (): Socket => {
    const socket = connect(engine.host.replace('unix://', ''));
    socket.on('error', () => undefined);
    socket.on('close', () => gone++);
    return socket;
  });
  await waitFor('who says nothing is cut off', () => gone > limit);
  await waitFor('who asks is told why', async () => {
    const answer = await ask(engine.host).catch(() => '');
    return answer.includes('503 Service Unavailable') && answer.includes('the daemon is out of file descriptors');
  });
  // The docker CLI connects more than once, so what it shows depends on how far the daemon got with the silent ones.
  expect((await engine.run('docker', ['ps'])).exitCode).toBe(1);
  for (const socket of crowd) socket.destroy();
  await waitFor('there is room again', async () => (await engine.run('docker', ['ps'])).exitCode === 0);
  expect(await engine.output('docker', ['exec', id, 'echo', 'in'])).toBe('in');
  expect(await engine.output('docker', ['run', '--rm', 'busybox', 'echo', 'new'])).toBe('new');
}, 60_000);
