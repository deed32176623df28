import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gantryProgram, startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const run = (...words: string[]): string[] => ['run', '--rm', '--network', 'none', ...words];

test('twenty megabytes go in and come out whole', async () => {
  const data = randomBytes(20 << 20);
  const child = Bun.spawn([gantryProgram, '-H', engine.host, ...run('-i', 'busybox', 'cat')], {
    stdin: data,
    stdout: 'pipe',
  });
  const echoed = Buffer.from(await new Response(child.stdout).arrayBuffer());
  expect(echoed.equals(data)).toBe(true);
  expect(await child.exited).toBe(0);
});

test('the end of input reaches the container, which may still answer', async () => {
  const words = run('-i', 'busybox', 'sh', '-c', 'cat >/dev/null; echo end; exit 5');
  expect(await engine.run('gantry', words, { stdin: 'x' })).toEqual({ stdout: 'end\n', stderr: '', exitCode: 5 });
});

test('standard output and error arrive apart', async () => {
  const words = run('busybox', 'sh', '-c', 'echo out; echo err >&2');
  expect(await engine.run('gantry', words)).toEqual({ stdout: 'out\n', stderr: 'err\n', exitCode: 0 });
});

test('a reader that goes away ends the client quietly, as a broken pipe does', async () => {
  const command = `${gantryProgram} -H ${engine.host} ${run('busybox', 'yes').join(' ')} | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const child = Bun.spawn(['bash', '-c', command], { stdout: 'pipe', stderr: 'pipe' });
  expect([await child.stdout.text(), await child.stderr.text()]).toEqual(['y\n141\n', '']);
});

test('a signal to the client is the container’s', async () => {
  const script = 'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.05; done';
  const child = Bun.spawn([gantryProgram, '-H', engine.host, ...run('busybox', 'sh', '-c', script)], {
    stdout: 'pipe',
  });
  let seen = '';
  const reading = (async () => {
    for await (const bytes of child.stdout) seen += Buffer.from(bytes).toString();
  })();
  await waitFor('the container is ready', () => seen.includes('ready'));
  child.kill('SIGTERM');
  await reading;
  expect([seen, await child.exited]).toEqual(['ready\ncaught\n', 9]);
});

test('the ID goes to the file that was named, and a failure leaves no file', async () => {
  const path = join(engine.root, 'id');
  const id = await engine.output('gantry', ['run', '-d', '--cidfile', path, '--network', 'none', 'busybox', 'true']);
  expect(readFileSync(path, 'utf8')).toBe(id);
  const again = await engine.run('gantry', ['run', '--cidfile', path, 'busybox', 'true']);
  expect([again.exitCode, again.stderr.split('\n')[0]]).toEqual([
    125,
    `gantry: container ID file found, make sure the other container isn't running or delete ${path}`,
  ]);
  const unused = join(engine.root, 'unused');
  expect((await engine.run('gantry', ['create', '--cidfile', unused, '--memory', '1', 'busybox'])).exitCode).toBe(1);
  expect(existsSync(unused)).toBe(false);
});

test('tab completion knows the names of containers', async () => {
  await engine.output('gantry', ['create', '--name', 'completed', 'busybox', 'true']);
  expect(await engine.output('gantry', ['__complete', 'rm', 'comp'])).toBe('completed');
});
