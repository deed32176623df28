import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOutput } from '../test/harness/command.ts';
import { gantryProgram } from '../test/harness/engine.ts';
import { alternate, type Contender, type Measured } from './measure.ts';
import type { Bench, Row } from './row.ts';

/** Rows of one large file that goes into a container that runs, and out again. */
export const copyRows: readonly Row[] = [
  { name: 'cp 500 MB in', unit: 's', budget: 0.5, better: 'lower', run: (bench) => measureCopy(bench, 'in') },
  { name: 'cp 500 MB out', unit: 's', budget: 0.5, better: 'lower', run: (bench) => measureCopy(bench, 'out') },
];

type Way = 'in' | 'out';
const fileBytes = 500e6;
const container = 'bench-copy';

async function measureCopy(bench: Bench, way: Way): Promise<Measured[]> {
  const work = mkdtempSync('/dev/shm/gantry-bench-');
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rmSync(work, { recursive: true }));
  writeFileSync(join(work, 'big'), Buffer.alloc(fileBytes, 'no two blocks of it are the same to a file system'));
  const hosts = [bench.gantry.host, ...(bench.dockerd === undefined ? [] : [bench.dockerd.host])];
  for (const host of hosts) {
    const docker = (...words: string[]): Promise<string> => commandOutput(['docker', '-H', host, ...words]);
    const create = ['--name', container, '--network', 'none', 'busybox:latest', 'sleep', '1000'];
    await docker('run', '-d', ...create);
    undo.defer(async () => void (await docker('rm', '-f', container)));
    await docker('cp', join(work, 'big'), `${container}:/`);
  }
  const side = (name: string, client: readonly string[]): Contender => ({
    name,
    measure: async (count) => {
      const seconds: number[] = [];
      for (let done = 0; done < count; done++) seconds.push(await copyOnce(client, way, work));
      return seconds;
    },
  });
  const sides = [
    side('gantry', [gantryProgram, '-H', bench.gantry.host]),
    side('gantry by docker CLI', ['docker', '-H', bench.gantry.host]),
    ...(bench.dockerd === undefined ? [] : [side('docker', ['docker', '-H', bench.dockerd.host])]),
  ];
  return await alternate(sides, bench.turns, 1);
}

async function copyOnce(client: readonly string[], way: Way, work: string): Promise<number> {
  const out = join(work, 'out');
  rmSync(out, { force: true });
  const words = way === 'in' ? [join(work, 'big'), `${container}:/`] : [`${container}:/big`, out];
  const startedAt = performance.now();
  await commandOutput([...client, 'cp', ...words], { timeoutMs: 60_000 });
  return (performance.now() - startedAt) / 1000;
}
