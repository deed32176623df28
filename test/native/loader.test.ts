import { afterAll, expect, test } from 'bun:test';
import { encodePlan, frameType, sealedMemfd, socketPair } from '@gantry/native';
import { fuzzNative } from '../../packages/native/fuzz.ts';
import { Connection } from './connection.ts';
import { before, openBench, planOf } from './fixture.ts';

const bench = await openBench();
afterAll(() => bench[Symbol.asyncDispose]());

const place = { dir: bench.dir, image: bench.image, cgroup: `${bench.cgroup}/none`, name: 'none' };
const rich = planOf(place, {
  argv: ['sh', '-c', 'true'],
  env: ['A=1', 'B=2'],
  change: before('user', { verb: 'affinity', mask: Uint8Array.of(1, 2, 3) }),
});

test('mutated plans and hostile output are met without a fault, under the sanitizers', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const counted = await fuzzNative(encodePlan(rich), { rounds: 50_000, seed });
  expect(counted).toMatch(/^50000 plans, \d+ still good$/);
}, 60_000);

test('a plan that is no plan is refused before anything is done', async () => {
  const good = encodePlan(rich);
  const cut = good.slice(0, -1);
  const older = Uint8Array.from(good);
  older[4] = 99;
  for (const bytes of [cut, older, new Uint8Array(3), new TextEncoder().encode('{"argv":[]}')]) {
    expect(await refusal(bytes)).toEqual({ part: 'shim', index: 0, step: 'plan', errno: 74 });
  }
});

async function refusal(bytes: Uint8Array): Promise<unknown> {
  const [ours, theirs] = socketPair();
  const shim = Bun.spawn([bench.programPath], {
    argv0: 'gantry-shim',
    stdio: ['ignore', 'ignore', 'ignore', sealedMemfd('plan', bytes), theirs],
  });
  using control = new Connection(ours);
  const { record } = control.wait(frameType.failed);
  await shim.exited;
  return record;
}
