import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { commandOutput, runCommand } from '../test/harness/command.ts';
import { waitFor } from '../test/harness/wait-for.ts';
import { ensurePrograms } from '../tools/bootstrap.ts';
import { repositoryRoot } from '../tools/repository.ts';

/**
 * Today's engines beside ours, in a root of their own. `GANTRY_PEERS` names the directory of their scripts; else it is
 * looked for beside the checkout.
 */
export type Peers = {
  /** A program of the peers. */
  run(argv: readonly string[]): Promise<string>;
  /** The words that run a program among the peers. */
  readonly enter: readonly string[];
  /** A directory that the peers see at the same path. */
  readonly directory: string;
};

export type PeerEngine = AsyncDisposable & {
  readonly host: string;
  readonly socket: string;
  /** dockerd and its containerd. */
  pids(): Promise<number[]>;
};

/** @throws when they are not set up on this machine */
export async function openPeers(): Promise<Peers> {
  const scripts = resolve(process.env.GANTRY_PEERS ?? join(repositoryRoot, '../shared/peers'));
  const enter = join(scripts, 'enter');
  if (!existsSync(enter)) throw new Error('cannot find the peers: set GANTRY_PEERS to the directory of their scripts');
  const probe = await runCommand([enter, 'sh', '-c', 'echo $PEERS_DIR']);
  if (probe.exitCode !== 0) throw new Error(`cannot enter the peers: ${probe.stderr.trim()}; run their setup first`);
  return {
    run: (argv) => commandOutput([enter, ...argv], { timeoutMs: 300_000 }),
    enter: [enter],
    directory: join(probe.stdout.trim(), 'bench'),
  };
}

/** Mounts a fresh ext4 in a file, inside the peers' mount namespace: the machine's own disk is too uneven to compare on. */
export async function mountLoopDisk(
  peers: Peers | undefined,
  mountPoint: string,
  megabytes: number,
): Promise<AsyncDisposable> {
  const image = `${mountPoint}.img`;
  const prefix = peers?.enter ?? [];
  const inside = (script: string): Promise<string> =>
    commandOutput([...prefix, 'sh', '-euc', script], { timeoutMs: 120_000 });
  // The peers see this machine's files at the same paths, but have no mkfs.
  ensurePrograms('mkfs.ext4', 'mount');
  const make = `mkdir -p '${mountPoint}'; rm -f '${image}'; truncate -s ${megabytes}M '${image}'; mkfs.ext4 -q -F '${image}'`;
  await commandOutput(['sh', '-euc', make]);
  await inside(`mount -o loop '${image}' '${mountPoint}'`);
  return {
    [Symbol.asyncDispose]: async () => {
      await inside(`umount '${mountPoint}' || umount -l '${mountPoint}'; rm -f '${image}'; rmdir '${mountPoint}'`);
    },
  };
}

/** Starts a Docker Engine for one bench, with its data on `dataRoot`. */
export async function startDockerd(peers: Peers, dataRoot: string, name: string): Promise<PeerEngine> {
  const socket = join(peers.directory, `${name}.sock`);
  const pidFile = join(peers.directory, `${name}.pid`);
  const bridge = `br${name}`.slice(0, 15);
  const script = `
    mkdir -p '${peers.directory}'
    ip link show ${bridge} >/dev/null 2>&1 || { ip link add ${bridge} type bridge; ip addr add 10.233.0.1/24 dev ${bridge}; ip link set ${bridge} up; }
    exec dockerd --data-root '${dataRoot}' --exec-root /run/${name} --pidfile '${pidFile}' --host 'unix://${socket}' \\
      --bridge ${bridge} --exec-opt native.cgroupdriver=cgroupfs --storage-driver overlay2 --insecure-registry 127.0.0.0/8`;
  const child = Bun.spawn([...peers.enter, 'sh', '-c', script], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  });
  await waitFor(
    'dockerd answers',
    () => (child.exitCode === null ? answers(socket) : Promise.reject(new Error('dockerd ended'))),
    30_000,
  );
  return {
    host: `unix://${socket}`,
    socket,
    pids: async () => {
      const children = (await runCommand(['pgrep', '-P', String(child.pid)])).stdout
        .split('\n')
        .filter((line) => line !== '');
      return [child.pid, ...children.map(Number)];
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await child.exited;
      await runCommand([...peers.enter, 'ip', 'link', 'del', bridge]);
    },
  };
}

async function answers(socket: string): Promise<boolean> {
  try {
    return (await fetch('http://engine/_ping', { unix: socket })).ok;
  } catch {
    return false; // no socket yet, or nobody behind it
  }
}
