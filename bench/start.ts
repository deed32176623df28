import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, release } from 'node:os';
import { join } from 'node:path';
import { busyboxRootTar } from '../test/harness/busybox-image.ts';
import { commandOutput } from '../test/harness/command.ts';
import { startEngine } from '../test/harness/engine.ts';
import { repositoryRoot } from '../tools/repository.ts';
import { copyRows } from './copy-rows.ts';
import { daemonRows } from './daemon-rows.ts';
import { logRows } from './log-rows.ts';
import { mountLoopDisk, openPeers, type Peers, startDockerd } from './peers.ts';
import type { Bench, Row } from './row.ts';
import { startRows } from './start-rows.ts';
import { steadyRows } from './steady-rows.ts';
import { formatTable, type Result } from './table.ts';

/**
 * `bench/start`: ours beside today's engines, in turns, on fresh ext4 loop disks. Words choose rows by a part of their
 * name; `--alone` leaves the peers out, `--turns N` changes how often each side has its turn (5).
 */

const words = process.argv.slice(2);
const turnsAt = words.indexOf('--turns');
const turns = turnsAt === -1 ? 5 : Number(words[turnsAt + 1]);
const chosen = words.filter((word, index) => !word.startsWith('--') && (turnsAt === -1 || index !== turnsAt + 1));
const rows = [...startRows, ...steadyRows, ...daemonRows, ...copyRows, ...logRows].filter(
  (row) => chosen.length === 0 || chosen.some((word) => row.name.includes(word)),
);

await using undo = new AsyncDisposableStack();
const peers = words.includes('--alone') ? undefined : await openPeers();
const disk = '/dev/shm/gantry-bench-disk';
undo.use(await mountLoopDisk(undefined, disk, 2000));
// As by default: what is to be kept on a disk, what ends with the machine on its tmpfs.
const gantry = undo.use(await startEngine({ parent: disk, execParent: '/run' }));
// An engine that was just started is not what a user mostly meets.
await Bun.sleep(3000);
const bench = peers === undefined ? alone() : await beside(peers);
const results: Result[] = [];
for (const row of rows) {
  results.push(await measureRow(row));
  process.stdout.write(`${formatTable(results.slice(-1)).split('\n').at(-2)}\n`);
}
const table = formatTable(results);
process.stdout.write(`\n${table}`);
if (chosen.length === 0) save(table);

function alone(): Bench {
  return {
    gantry,
    socket: gantry.host.slice('unix://'.length),
    dockerd: undefined,
    peers: undefined,
    podman: '',
    turns,
  };
}

async function beside(among: Peers): Promise<Bench> {
  await among.run(['mkdir', '-p', among.directory]);
  const theirDisk = join(among.directory, 'disk');
  undo.use(await mountLoopDisk(among, theirDisk, 2000));
  const dockerd = undo.use(await startDockerd(among, join(theirDisk, 'docker'), 'gbench'));
  const tar = await busyboxRootTar();
  await commandOutput(['docker', '-H', dockerd.host, 'import', tar, 'busybox:latest']);
  const podman = `NETAVARK_FW=iptables PODMAN_IGNORE_CGROUPSV1_WARNING=1 podman --root '${theirDisk}/podman' --runroot /run/gbench-podman --cgroup-manager cgroupfs`;
  await commandOutput([...among.enter, 'sh', '-c', `${podman} import - busybox:latest`], {
    stdin: await Bun.file(tar).bytes(),
  });
  undo.defer(async () => {
    await among.run([
      'sh',
      '-c',
      `${podman} rm -fa -t 0 >/dev/null; umount '${theirDisk}/podman/overlay' 2>/dev/null || true`,
    ]);
  });
  return { ...alone(), dockerd, peers: among, podman };
}

async function measureRow(row: Row): Promise<Result> {
  try {
    return { row, measured: await row.run(bench), failure: undefined };
  } catch (error) {
    return { row, measured: [], failure: error instanceof Error ? error.message : String(error) };
  }
}

function save(text: string): void {
  const directory = join(repositoryRoot, 'bench/results');
  mkdirSync(directory, { recursive: true });
  const day = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} cores, ${arch()}, Linux ${release()}`;
  writeFileSync(
    join(directory, `${day}.md`),
    `# ${day}, ${machine}\n\nMedians of ${turns} turns, in turns with the peers; a ratio above one means that ours is better.\n\n${text}`,
  );
}
