import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
}, 60_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
}, 60_000);

async function run(name: string): Promise<{ readonly id: string; readonly shim: number }> {
  const id = await engine.output('docker', ['run', '-d', '--name', name, 'busybox', 'sleep', '600']);
  const pid = await engine.output('docker', ['inspect', '--format', '{{.State.Pid}}', id]);
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const shim = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  if (!(shim > 1)) throw new Error(`no shim: ${stat}`);
  return { id, shim };
}

/** A shim that does not answer, until it is disposed of. */
function stopped(shim: number): Disposable {
  process.kill(shim, 'SIGSTOP');
  return {
    [Symbol.dispose]: () => {
      process.kill(shim, 'SIGCONT');
    },
  };
}

async function msOf(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

const status = (name: string): Promise<string> =>
  engine.output('docker', ['ps', '-a', '--filter', `name=^${name}$`, '--format', '{{.Status}}']);

test('a shim that hangs makes one container unresponsive, and nothing else slow', async () => {
  const { id, shim } = await run('hangs');
  const other = await run('works');
  const what = `its shim, process ${shim}, is stopped`;
  const mend = `somebody stopped or traces it, kill -CONT ${shim} lets it go on`;
  {
    using _stop = stopped(shim);
    const removal = engine.run('docker', ['rm', '-f', 'hangs']);
    // While the removal waits for it, everybody else is served at once.
    for (const argv of [
      ['ps', '-a'],
      ['inspect', 'hangs'],
      ['exec', 'works', 'true'],
      ['run', '--rm', 'busybox', 'true'],
      ['logs', 'hangs'],
    ])
      expect([argv, (await msOf(() => engine.output('docker', argv))) < 1500]).toEqual([argv, true]);
    const refused = await removal;
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      `Error response from daemon: cannot kill container "${id.slice(0, 12)}": ${what}; ${mend}\n`,
    ]);
    expect(await status('hangs')).toMatch(/^Up .* \(unresponsive\)$/);
    expect(await status('works')).not.toContain('unresponsive');
    expect(await engine.output('docker', ['inspect', '--format', '{{.State.Status}}: {{.State.Error}}', id])).toBe(
      `running: ${what}`,
    );
    expect(await engine.output('gantry', ['why', 'hangs'])).toContain(`It does not react: ${what}; ${mend}.`);
  }
  await waitFor('it has ended', async () => (await status('hangs')).startsWith('Exited (137)'));
  await engine.output('docker', ['rm', '-f', 'hangs', other.id]);
}, 60_000);

test('a daemon comes up beside a shim that hangs, and takes its container back when it goes on', async () => {
  const { id, shim } = await run('later');
  await engine.output('docker', ['exec', '-d', id, 'sleep', '600']);
  {
    using _stop = stopped(shim);
    await engine.stop();
    expect(await msOf(() => engine.start())).toBeLessThan(6000);
    expect(await status('later')).toMatch(/^Up .* \(unresponsive\)$/);
    const refused = await engine.run('docker', ['stop', 'later']);
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      `Error response from daemon: container ${id} is unresponsive: its shim, process ${shim}, is stopped; ` +
        `somebody stopped or traces it, kill -CONT ${shim} lets it go on\n`,
    ]);
    expect(engine.log()).toContain(
      `container ${id.slice(0, 12)} is unresponsive: its shim, process ${shim}, is stopped`,
    );
  }
  await waitFor('it is taken back', async () => !(await status('later')).includes('unresponsive'));
  expect(await engine.output('docker', ['exec', id, 'echo', 'here'])).toBe('here');
  await engine.output('docker', ['stop', '-t', '0', id]);
  expect(await status('later')).toMatch(/^Exited \(137\)/);
  await engine.output('docker', ['rm', id]);
}, 60_000);
