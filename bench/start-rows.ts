import { gantryProgram } from '../test/harness/engine.ts';
import { openEngineClient, runThroughApi } from './engine-client.ts';
import { alternate, type Contender, callContender, type Measured, shellContender } from './measure.ts';
import type { Bench, Row } from './row.ts';

/** Rows of what a user waits for when a container starts. */
export const startRows: readonly Row[] = [
  {
    name: 'run --rm busybox true, bridge (gantry)',
    unit: 'ms',
    budget: 25,
    better: 'lower',
    run: (bench) => alternate(runContenders(bench, 'run --rm busybox true', 'gantry'), bench.turns, 3),
  },
  {
    name: 'run --rm busybox true, bridge (docker CLI)',
    unit: 'ms',
    budget: 40,
    better: 'lower',
    run: (bench) => alternate(runContenders(bench, 'run --rm busybox true', 'docker'), bench.turns, 3),
  },
  {
    name: 'run --rm --network none busybox true',
    unit: 'ms',
    budget: 20,
    better: 'lower',
    run: (bench) => alternate(runContenders(bench, 'run --rm --network none busybox true', 'gantry'), bench.turns, 3),
  },
  { name: 'engine only, bridge', unit: 'ms', budget: 8, better: 'lower', run: (bench) => engineOnly(bench, 'bridge') },
  { name: 'engine only, none', unit: 'ms', budget: 5, better: 'lower', run: (bench) => engineOnly(bench, 'none') },
  { name: 'containers per second, 8 at a time', unit: '/s', budget: 100, better: 'higher', run: throughput },
  { name: 'bare runtime: run a bundle', unit: 'ms', budget: 20, better: 'lower', run: bareRuntime },
];

/** Ours through one of its clients, then the real engine through the docker CLI, then podman. */
export function runContenders(bench: Bench, words: string, client: 'gantry' | 'docker'): Contender[] {
  const ours =
    client === 'gantry' ? `'${gantryProgram}' -H '${bench.gantry.host}'` : `docker -H '${bench.gantry.host}'`;
  const contenders = [shellContender(client === 'gantry' ? 'gantry' : 'gantry by docker CLI', [], `${ours} ${words}`)];
  if (bench.dockerd !== undefined)
    contenders.push(shellContender('docker', [], `docker -H '${bench.dockerd.host}' ${words}`));
  if (bench.peers !== undefined)
    contenders.push(shellContender('podman', bench.peers.enter, `${bench.podman} ${words}`));
  return contenders;
}

async function engineOnly(bench: Bench, networkMode: string): Promise<Measured[]> {
  using ours = openEngineClient(bench.socket);
  const contenders = [callContender('gantry', () => runThroughApi(ours, networkMode))];
  if (bench.dockerd === undefined) return await alternate(contenders, bench.turns, 10);
  using theirs = openEngineClient(bench.dockerd.socket);
  contenders.push(callContender('docker', () => runThroughApi(theirs, networkMode)));
  return await alternate(contenders, bench.turns, 10);
}

const atATime = 8;

async function throughput(bench: Bench): Promise<Measured[]> {
  using ours = openEngineClient(bench.socket);
  const measured = [{ name: 'gantry', value: await perSecond(() => runThroughApi(ours, 'bridge'), 400) }];
  if (bench.dockerd !== undefined) {
    using theirs = openEngineClient(bench.dockerd.socket);
    measured.push({ name: 'docker', value: await perSecond(() => runThroughApi(theirs, 'bridge'), 48) });
  }
  if (bench.peers !== undefined) {
    const { peers } = bench;
    const podman = async (): Promise<void> => {
      await peers.run(['bash', '-c', `${bench.podman} run --rm busybox true`]);
    };
    measured.push({ name: 'podman', value: await perSecond(podman, 32) });
  }
  return measured;
}

/** Keeps `atATime` of them running until `count` are done. */
async function perSecond(act: () => Promise<void>, count: number): Promise<number> {
  let left = count;
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    while (left-- > 0) await act();
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return count / ((performance.now() - startedAt) / 1000);
}

async function bareRuntime(bench: Bench): Promise<Measured[]> {
  const bundle = `${bench.gantry.root}/bundle`;
  const makeBundle = (program: string, directory: string, rootTar: string): string =>
    `mkdir -p '${directory}/rootfs' && tar -C '${directory}/rootfs' -xf '${rootTar}' && cd '${directory}' && rm -f config.json && ${program} spec && ` +
    `sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"true"/' config.json`;
  const contenders: Contender[] = [];
  if (bench.peers !== undefined) {
    const directory = `${bench.peers.directory}/bundle`;
    await bench.peers.run([
      'bash',
      '-c',
      makeBundle(
        'runc',
        directory,
        '$PEERS_DIR/images/busybox.tar'.replace('$PEERS_DIR', `${bench.peers.directory}/..`),
      ),
    ]);
    // The same bundle for all: runc wrote its config.json.
    const config = await bench.peers.run(['cat', `${directory}/config.json`]);
    await Bun.write(`${bundle}/config.json`, config);
    await Bun.$`mkdir -p ${bundle}/rootfs && tar -C ${bundle}/rootfs -xf dist/test-images/busybox.tar`.quiet();
    contenders.push(
      shellContender(
        'gantry',
        [],
        `'${gantryProgram}' runtime --root '${bench.gantry.root}/runtime' run -b '${bundle}' b$RANDOM$i`,
      ),
    );
    contenders.push(shellContender('runc', bench.peers.enter, `runc run -b '${directory}' b$RANDOM$i`));
    contenders.push(shellContender('crun', bench.peers.enter, `crun run -b '${directory}' b$RANDOM$i`));
  }
  return contenders.length === 0 ? [] : await alternate(contenders, bench.turns, 5);
}
