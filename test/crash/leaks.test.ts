import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { leaksSince, openFiles, takeSnapshot } from '../harness/leaks.ts';
import { waitFor } from '../harness/wait-for.ts';
import { brokenInvariants } from './invariants.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

/** One of everything that takes something of the host, brought to its end. */
async function useEverything(): Promise<void> {
  const docker = (...argv: string[]): Promise<string> => engine.output('docker', argv);
  await docker('network', 'create', 'net');
  await docker(
    'run',
    '-d',
    '--name',
    'server',
    '--network',
    'net',
    '-v',
    '/data',
    '-p',
    '127.0.0.1::80',
    'busybox',
    'sleep',
    '1000',
  );
  await docker('run', '--rm', '--network', 'net', '-v', 'vol:/data', 'busybox', 'true');
  await docker('exec', 'server', 'true');
  await docker('restart', '-t', '0', 'server');
  await engine.run('docker', ['run', '--rm', '-m', '64m', 'busybox', 'nosuchprogram']);
  await engine.run('docker', ['logs', '-f', '--tail', '1', 'server'], { timeoutMs: 200 });
  await docker('rm', '-f', '-v', 'server');
  await docker('volume', 'rm', 'vol');
  await docker('network', 'rm', 'net');
}

/** What bears the names of this engine; others work on this machine too. */
const isOurs = (line: string): boolean => line.includes(engine.root) || line.includes(engine.bridge);

/** What `after` has more often than `before`. */
function more(before: readonly string[], after: readonly string[]): string[] {
  const left = [...before];
  return after.filter((name) => {
    const at = left.indexOf(name);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}

test('ten uses later the daemon has no more descriptors, and the host no more mounts, links or cgroups, than after one', async () => {
  await useEverything(); // what is opened once and kept is no leak
  const [filesBefore, before] = [openFiles(engine.pid()), takeSnapshot()];
  for (let use = 0; use < 10; use++) await useEverything();
  const added = (): string[] => more(filesBefore, openFiles(engine.pid()));
  // The last clients' connections close in their own time.
  await waitFor('no more descriptors than before', () => added().length === 0).catch(() => undefined);
  expect(added()).toEqual([]);
  expect(leaksSince(before, takeSnapshot(), isOurs)).toEqual([]);
  expect(await brokenInvariants(engine)).toEqual([]);
  expect(readdirSync(join(engine.dataRoot, 'containers'))).toEqual([]);
}, 120_000);
