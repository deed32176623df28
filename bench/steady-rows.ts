import { gantryProgram } from '../test/harness/engine.ts';
import { openEngineClient } from './engine-client.ts';
import { alternate, type Measured, shellContender } from './measure.ts';
import { listProcesses, proportionalBytes, residentBytes } from './memory.ts';
import type { Bench, Row } from './row.ts';
import { runContenders } from './start-rows.ts';

/** Rows of an engine that has containers: memory, exec, lists. */
export const steadyRows: readonly Row[] = [
  { name: 'idle daemon, RSS', unit: 'MB', budget: 70, better: 'lower', run: idleMemory },
  { name: 'memory per idle container, PSS', unit: 'MB', budget: 0.6, better: 'lower', run: memoryPerContainer },
  { name: 'exec true', unit: 'ms', budget: 20, better: 'lower', run: execTrue },
  { name: 'ps -a, 200 containers', unit: 'ms', budget: 20, better: 'lower', run: listMany },
];

const megabyte = 2 ** 20;

/** After this long a daemon that nobody asks has given back what it gives back. */
const restMs = 66_000;

async function idleMemory(bench: Bench): Promise<Measured[]> {
  await Bun.sleep(restMs);
  const measured = [{ name: 'gantry', value: residentBytes([bench.gantry.pid()]) / megabyte }];
  if (bench.dockerd !== undefined)
    measured.push({ name: 'docker', value: residentBytes(await bench.dockerd.pids()) / megabyte });
  return measured;
}

const idleCount = 100;

async function memoryPerContainer(bench: Bench): Promise<Measured[]> {
  const measured = [{ name: 'gantry', value: await addedMemory(bench.socket, [bench.gantry.pid()]) }];
  if (bench.dockerd !== undefined)
    measured.push({ name: 'docker', value: await addedMemory(bench.dockerd.socket, await bench.dockerd.pids()) });
  return measured;
}

/** What the daemon grew by and what new processes take, all but the workload `sleep`, for one of many idle containers. */
async function addedMemory(socket: string, daemonPids: readonly number[]): Promise<number> {
  using client = openEngineClient(socket);
  const processesBefore = listProcesses();
  const bytesBefore = proportionalBytes(daemonPids);
  const ids = await Promise.all(Array.from({ length: idleCount }, () => startSleeper(client)));
  await Bun.sleep(2000); // memory settles when garbage collectors have run; there is no condition to wait for
  const added = [...listProcesses()]
    .filter(([pid, name]) => !processesBefore.has(pid) && name !== 'sleep')
    .map(([pid]) => pid);
  const bytes =
    proportionalBytes(daemonPids) - bytesBefore + proportionalBytes(added.filter((pid) => !daemonPids.includes(pid)));
  await Promise.all(ids.map((id) => client.call('DELETE', `/v1.45/containers/${id}?force=1`)));
  return bytes / idleCount / megabyte;
}

async function startSleeper(client: {
  call(method: string, path: string, body?: unknown): Promise<string>;
}): Promise<string> {
  const { Id: id }: { Id: string } = JSON.parse(
    await client.call('POST', '/v1.45/containers/create', { Image: 'busybox', Cmd: ['sleep', '100000'] }),
  );
  await client.call('POST', `/v1.45/containers/${id}/start`);
  return id;
}

async function execTrue(bench: Bench): Promise<Measured[]> {
  const start = 'run -d --name bench-exec busybox sleep 100000';
  const contenders = runContenders(bench, 'exec bench-exec true', 'gantry');
  contenders.push(
    ...runContenders({ ...bench, dockerd: undefined, peers: undefined }, 'exec bench-exec true', 'docker'),
  );
  await everywhere(bench, start);
  const measured = await alternate(contenders, bench.turns, 5);
  await everywhere(bench, 'rm -f -t 0 bench-exec', 'rm -f bench-exec');
  return measured;
}

async function listMany(bench: Bench): Promise<Measured[]> {
  const make = async (socket: string): Promise<() => Promise<void>> => {
    using client = openEngineClient(socket);
    const ids: string[] = [];
    for (let made = 0; made < 200; made++) {
      const { Id: id }: { Id: string } = JSON.parse(
        await client.call('POST', '/v1.45/containers/create', { Image: 'busybox', Cmd: ['true'] }),
      );
      ids.push(id);
    }
    return async () => {
      using remover = openEngineClient(socket);
      for (const id of ids) await remover.call('DELETE', `/v1.45/containers/${id}`);
    };
  };
  const sockets = [bench.socket, ...(bench.dockerd === undefined ? [] : [bench.dockerd.socket])];
  const removers = await Promise.all(sockets.map(make));
  const contenders = [
    ...runContenders({ ...bench, peers: undefined }, 'ps -a >/dev/null', 'gantry'),
    shellContender('gantry by docker CLI', [], `docker -H '${bench.gantry.host}' ps -a >/dev/null`),
  ];
  const measured = await alternate(contenders, bench.turns, 5);
  for (const remove of removers) await remove();
  return measured;
}

/** The same words to every engine; podman may need its own. */
async function everywhere(bench: Bench, words: string, podmanWords = words): Promise<void> {
  await Bun.$`${{ raw: `'${gantryProgram}' -H '${bench.gantry.host}' ${podmanWords}` }}`.quiet();
  if (bench.dockerd !== undefined) await Bun.$`${{ raw: `docker -H '${bench.dockerd.host}' ${podmanWords}` }}`.quiet();
  if (bench.peers !== undefined) await bench.peers.run(['bash', '-c', `${bench.podman} ${words}`]);
}
