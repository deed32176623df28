import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { commandOutput } from '../test/harness/command.ts';
import { gantryProgram, startEngine } from '../test/harness/engine.ts';
import { writeBigArchive } from './big-image.ts';
import { type Measured, median } from './measure.ts';
import { onFreshDisk, startDockerd } from './peers.ts';
import type { Bench, Row } from './row.ts';

/** Rows of a big image as an archive: each turn has an engine of its own on a fresh disk. */
export const archiveRows: readonly Row[] = [
  {
    name: 'load 717 MB, 20,000 files',
    unit: 's',
    budget: 2.2,
    better: 'lower',
    run: (bench) => measureArchive(bench, 'load'),
  },
  {
    name: 'save 717 MB, 20,000 files',
    unit: 's',
    budget: 1.5,
    better: 'lower',
    run: (bench) => measureArchive(bench, 'save'),
  },
];

type Verb = 'load' | 'save';
const reference = 'bench/big:1';

async function measureArchive(bench: Bench, verb: Verb): Promise<Measured[]> {
  const work = mkdtempSync('/dev/shm/gantry-bench-');
  using undo = new DisposableStack();
  undo.defer(() => rmSync(work, { recursive: true }));
  const archive = await writeBigArchive(work, reference);
  const ours = (client: string) => (): Promise<number> =>
    onFreshDisk(undefined, join(work, 'disk'), async (disk) => {
      await using engine = await startEngine({ parent: disk, busybox: false });
      return await loadOrSave(verb, [client, '-H', engine.host], archive);
    });
  const sides: Record<string, () => Promise<number>> = {
    gantry: ours(gantryProgram),
    'gantry by docker CLI': ours('docker'),
  };
  const { peers } = bench;
  if (peers !== undefined) {
    sides.docker = () =>
      onFreshDisk(peers, join(peers.directory, 'archive'), async (disk) => {
        await using dockerd = await startDockerd(peers, join(disk, 'docker'), 'garch');
        return await loadOrSave(verb, ['docker', '-H', dockerd.host], archive);
      });
  }
  const times = new Map(Object.keys(sides).map((name): [string, number[]] => [name, []]));
  for (let turn = 0; turn < Math.min(bench.turns, 3); turn++) {
    for (const [name, side] of Object.entries(sides)) times.get(name)?.push(await side());
  }
  return [...times].map(([name, values]) => ({ name, value: median(values) }));
}

/** What is saved was loaded before, which does not count. @returns seconds */
async function loadOrSave(verb: Verb, client: readonly string[], archive: string): Promise<number> {
  const run = (...words: string[]): Promise<string> => commandOutput([...client, ...words], { timeoutMs: 120_000 });
  const startedAt = performance.now();
  await run('load', '-q', '-i', archive);
  const loadedAt = performance.now();
  if (verb === 'load') return (loadedAt - startedAt) / 1000;
  const saved = `${archive}.saved`;
  await run('save', '-o', saved, reference);
  const seconds = (performance.now() - loadedAt) / 1000;
  rmSync(saved);
  return seconds;
}
