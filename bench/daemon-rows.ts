import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { commandOutput } from '../test/harness/command.ts';
import { gantryProgram, startEngine } from '../test/harness/engine.ts';
import { startLocalRegistry } from '../tools/local-registry.ts';
import { uploadImage } from '../tools/upload-image.ts';
import { bigImageLayers } from './big-image.ts';
import { openEngineClient } from './engine-client.ts';
import { type Measured, median } from './measure.ts';
import { onFreshDisk, type Peers, startDockerd } from './peers.ts';
import type { Bench, Row } from './row.ts';

/** Rows that need an engine of their own: its start, and the pull of a big image onto a fresh disk. */
export const daemonRows: readonly Row[] = [
  {
    name: 'daemon start, no containers',
    unit: 'ms',
    budget: 100,
    better: 'lower',
    run: (bench) => daemonStart(bench, 0),
  },
  {
    name: 'daemon start, 200 stopped',
    unit: 'ms',
    budget: 200,
    better: 'lower',
    run: (bench) => daemonStart(bench, 200),
  },
  { name: 'pull 717 MB, 20,000 files', unit: 's', budget: 2.5, better: 'lower', run: pullBigImage },
];

async function daemonStart(bench: Bench, containers: number): Promise<Measured[]> {
  await using engine = await startEngine({ parent: bench.gantry.root });
  using client = openEngineClient(engine.host.slice('unix://'.length));
  for (let made = 0; made < containers; made++) {
    await client.call('POST', '/v1.45/containers/create', { Image: 'busybox', Cmd: ['true'] });
  }
  const times: number[] = [];
  for (let turn = 0; turn < bench.turns; turn++) {
    await engine.stop();
    const startedAt = performance.now();
    await engine.start();
    times.push(performance.now() - startedAt);
  }
  return [{ name: 'gantry', value: median(times) }];
}

async function pullBigImage(bench: Bench): Promise<Measured[]> {
  const work = mkdtempSync('/dev/shm/gantry-bench-');
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rmSync(work, { recursive: true }));
  const layers = await bigImageLayers();
  // The peers have a network of their own, so a second registry serves the same storage there.
  const storage = bench.peers === undefined ? join(work, 'registry') : join(bench.peers.directory, 'registry');
  const registry = undo.use(await startLocalRegistry(storage));
  await uploadImage({ registry: registry.host, repository: 'bench/big', tag: '1', layers, config: { Cmd: ['true'] } });
  const sides: Record<string, () => Promise<number>> = {
    gantry: () =>
      onFreshDisk(undefined, join(work, 'disk'), (disk) => pullWithGantry(disk, `${registry.host}/bench/big:1`)),
    'three tar xzf': () =>
      onFreshDisk(undefined, join(work, 'disk'), (disk) =>
        untar(
          disk,
          layers.map((layer) => layer.path),
        ),
      ),
  };
  const { peers } = bench;
  if (peers !== undefined) {
    const theirs = undo.use(await startLocalRegistry(storage, { enter: peers.enter }));
    sides.docker = () =>
      onFreshDisk(peers, join(peers.directory, 'pull'), (disk) =>
        pullWithDocker(peers, disk, `${theirs.host}/bench/big:1`),
      );
  }
  const times = new Map(Object.keys(sides).map((name): [string, number[]] => [name, []]));
  for (let turn = 0; turn < Math.min(bench.turns, 3); turn++) {
    for (const [name, side] of Object.entries(sides)) times.get(name)?.push(await side());
  }
  return [...times].map(([name, values]) => ({ name, value: median(values) }));
}

async function pullWithDocker(peers: Peers, directory: string, image: string): Promise<number> {
  await using dockerd = await startDockerd(peers, join(directory, 'docker'), 'gpull');
  const startedAt = performance.now();
  await commandOutput(['docker', '-H', dockerd.host, 'pull', '-q', image], { timeoutMs: 120_000 });
  return (performance.now() - startedAt) / 1000;
}

async function pullWithGantry(directory: string, image: string): Promise<number> {
  await using engine = await startEngine({ parent: directory, busybox: false });
  const startedAt = performance.now();
  await commandOutput([gantryProgram, '-H', engine.host, 'pull', '-q', image], { timeoutMs: 120_000 });
  return (performance.now() - startedAt) / 1000;
}

async function untar(directory: string, paths: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(
    paths.map((path, index) =>
      commandOutput(['sh', '-c', `mkdir '${directory}/${index}' && tar -C '${directory}/${index}' -xzf '${path}'`]),
    ),
  );
  return (performance.now() - startedAt) / 1000;
}
