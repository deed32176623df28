import { Database } from 'bun:sqlite';
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
}, 60_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
}, 60_000);

test('what comes while a container ends is refused as for one that does not run', async () => {
  const failures: string[] = [];
  const ask = async (method: string, path: string): Promise<void> => {
    const reply = await engine.api(method, path);
    if (reply.status >= 500) failures.push(`${path.split('/').at(-1)}: ${await reply.text()}`);
  };
  for (let round = 0; round < 60; round++) {
    const id = await engine.output('docker', ['run', '-d', '--network', 'none', 'busybox', 'sleep', '600']);
    const verbs = ['pause', 'unpause', 'stop?t=0', 'pause', 'unpause', 'pause'];
    await Promise.all([
      ask('POST', `/containers/${id}/kill`),
      ...verbs.map((verb) => ask('POST', `/containers/${id}/${verb}`)),
      ask('GET', `/containers/${id}/top`),
      ask('GET', `/containers/${id}/top`),
    ]);
    await engine.output('docker', ['rm', '-f', id]);
  }
  expect(failures).toEqual([]);
}, 60_000);

test('a container with --rm whose daemon ended between its exit and its removal is removed by the next one', async () => {
  const create = ['create', '--rm', '--network', 'none', '-v', '/data', 'busybox', 'true'];
  const id = await engine.output('docker', create);
  await engine.kill9();
  // Two transactions: this is the world after the first of them.
  using rows = new Database(join(engine.dataRoot, 'gantry.db'));
  rows.run(
    "UPDATE container SET status = 'exited', exit_code = 0, oom_killed = 0, error = '', finished = 1 WHERE id = ?",
    [id],
  );
  rows.close();
  await engine.start();
  await waitFor('it is gone', async () => (await engine.run('docker', ['inspect', id])).exitCode !== 0);
  await waitFor('and its volume', async () => (await engine.output('docker', ['volume', 'ls', '-q'])) === '');
});
