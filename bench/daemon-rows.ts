import { startEngine } from '../test/harness/engine.ts';
import { openEngineClient } from './engine-client.ts';
import { type Measured, median } from './measure.ts';
import type { Bench, Row } from './row.ts';

/** Rows of the start of an engine. */
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
