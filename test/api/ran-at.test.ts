import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
}, 60_000);
afterAll(() => engine[Symbol.asyncDispose](), 60_000);

const run = (name: string): Promise<string> =>
  engine.output('docker', ['run', '-d', '--name', name, '--network', 'none', 'busybox', 'sleep', '600']);
/** A moment that lies between what was done before and what is done after, on a clock of milliseconds. */
async function moment(): Promise<string> {
  const start = Date.now();
  await waitFor('the clock goes on', () => Date.now() > start + 1);
  const at = new Date().toISOString();
  await waitFor('the clock goes on', () => Date.now() > Date.parse(at) + 1);
  return at;
}
const namesAt = async (at: string): Promise<string[]> => {
  const names = await engine.output('gantry', ['ps', '--at', at, '--format', '{{.Names}}']);
  return names.split('\n').filter((name) => name !== '');
};

test('what ran at a moment is told after it has ended, was removed, and the daemon has died', async () => {
  const none = await moment();
  const first = await run('first');
  const one = await moment();
  await run('second');
  const two = await moment();
  await engine.output('docker', ['rm', '-f', 'first']);
  const after = await moment();
  await engine.kill9();
  await engine.start();
  expect([await namesAt(none), await namesAt(one), await namesAt(two), await namesAt(after)]).toEqual([
    [],
    ['first'],
    ['second', 'first'],
    ['second'],
  ]);
  expect(await engine.output('gantry', ['ps', '--at', one, '-q', '--no-trunc'])).toBe(first);
  const [heading, row] = (await engine.output('gantry', ['ps', '--at', after])).split('\n');
  expect(heading).toMatch(/^CONTAINER ID +IMAGE +STARTED +ENDED +NAMES$/);
  expect(row).toMatch(/^[0-9a-f]{12} +busybox +\d{4}-.* runs +second$/);
});

test('the journal is read back by days', async () => {
  const events = await engine.output('gantry', [
    'events',
    '--since',
    '30d',
    '--until',
    '0s',
    '--filter',
    'event=destroy',
  ]);
  expect(events).toContain('name=first');
});

test('what the journal does not know is refused', async () => {
  const refused = await engine.run('gantry', ['ps', '--at', '1h', '--size']);
  expect([refused.exitCode, refused.stderr]).toEqual([
    1,
    expect.stringContaining('conflicting options: --at and --size'),
  ]);
  expect((await engine.api('GET', '/containers/ran-at')).status).toBe(400);
});
