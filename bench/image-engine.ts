import { join } from 'node:path';
import { commandOutput } from '../test/harness/command.ts';
import { gantryProgram, startEngine } from '../test/harness/engine.ts';
import { waitFor } from '../test/harness/wait-for.ts';
import { mountLoopDisk, type Peers, startDockerd } from './peers.ts';

export type ImageVerb = 'load' | 'save' | 'push' | 'pull' | 're-pull';

/** What an engine is to do, each verb as a command line; what it cannot do, or not in the same way, is left out. */
export type ImageEngine = {
  readonly commands: Readonly<Partial<Record<ImageVerb | 'tag', readonly string[]>>>;
  /** The processes that do the work. None: the command does it itself. */
  readonly daemons: () => Promise<readonly number[]>;
};

/** What the commands speak of: all files lie where the peers see them at the same path. */
export type Asked = {
  /** Of `docker save`, with `image` in it. */
  readonly archive: string;
  readonly image: string;
  /** Written by `save`. */
  readonly saved: string;
  /** The name under which `push` sends the image. */
  readonly pushed: string;
  /** What `pull` asks for, and then `re-pull`: the same image after a file of it changed. */
  readonly pulled: string;
  readonly pulledAgain: string;
};

/** An engine with nothing in it, on a fresh ext4, for as long as `act` runs. */
export type ImageSide = {
  readonly name: string;
  readonly within: <T>(asked: Asked, act: (engine: ImageEngine) => Promise<T>) => Promise<T>;
};

const diskMegabytes = 8000;

/** Ours, by one of its clients. */
export function gantrySide(client: 'gantry' | 'docker', work: string): ImageSide {
  return {
    name: client === 'gantry' ? 'gantry' : 'gantry by docker CLI',
    within: async (asked, act) => {
      await using disk = await freshDisk(undefined, join(work, 'disk'));
      await using engine = await startEngine({ parent: disk.path, busybox: false });
      const words = [client === 'gantry' ? gantryProgram : 'docker', '-H', engine.host];
      return await act({ commands: dockerCommands(words, asked), daemons: async () => [engine.pid()] });
    },
  };
}

export function dockerSide(peers: Peers): ImageSide {
  return {
    name: 'docker',
    within: async (asked, act) => {
      await using disk = await freshDisk(peers, join(peers.directory, 'images'));
      await using dockerd = await startDockerd(peers, join(disk.path, 'docker'), 'gimages');
      const commands = dockerCommands(['docker', '-H', dockerd.host], asked);
      return await act({ commands, daemons: () => dockerd.pids() });
    },
  };
}

function dockerCommands(client: readonly string[], asked: Asked): ImageEngine['commands'] {
  return {
    load: [...client, 'load', '-q', '-i', asked.archive],
    save: [...client, 'save', '-o', asked.saved, asked.image],
    tag: [...client, 'tag', asked.image, asked.pushed],
    push: [...client, 'push', '-q', asked.pushed],
    pull: [...client, 'pull', '-q', asked.pulled],
    're-pull': [...client, 'pull', '-q', asked.pulledAgain],
  };
}

export function podmanSide(peers: Peers): ImageSide {
  return {
    name: 'podman',
    within: async (asked, act) => {
      await using disk = await freshDisk(peers, join(peers.directory, 'images'));
      const storage = join(disk.path, 'podman');
      await using undo = new AsyncDisposableStack();
      undo.defer(() => dropStorage(peers, storage));
      const podman = [...amnesia(peers), 'podman', '--root', storage, '--runroot', '/run/gimages-podman'];
      const plain = '--tls-verify=false';
      return await act({
        commands: {
          load: [...podman, 'load', '-q', '-i', asked.archive],
          save: [...podman, 'save', '-q', '-o', asked.saved, asked.image],
          push: [...podman, 'push', '-q', plain, asked.image, asked.pushed],
          pull: [...podman, 'pull', '-q', plain, asked.pulled],
          're-pull': [...podman, 'pull', '-q', plain, asked.pulledAgain],
        },
        daemons: async () => [],
      });
    },
  };
}

/** Its push reads the archive: like an engine's it packs the layers on their way. */
export function skopeoSide(peers: Peers): ImageSide {
  return {
    name: 'skopeo',
    within: async (asked, act) => {
      await using disk = await freshDisk(peers, join(peers.directory, 'images'));
      const storage = join(disk.path, 'skopeo');
      await using undo = new AsyncDisposableStack();
      undo.defer(() => dropStorage(peers, storage));
      const copy = [...amnesia(peers), 'skopeo', '--insecure-policy', 'copy', '-q'];
      const stored = `containers-storage:[overlay@${storage}+/run/gimages-skopeo]`;
      const archive = `docker-archive:${asked.archive}`;
      return await act({
        commands: {
          load: [...copy, archive, stored + asked.image],
          save: [...copy, stored + asked.image, `docker-archive:${asked.saved}:${asked.image}`],
          push: [...copy, '--dest-tls-verify=false', archive, `docker://${asked.pushed}`],
          pull: [...copy, '--src-tls-verify=false', `docker://${asked.pulled}`, stored + asked.pulled],
          're-pull': [...copy, '--src-tls-verify=false', `docker://${asked.pulledAgain}`, stored + asked.pulledAgain],
        },
        daemons: async () => [],
      });
    },
  };
}

/** It only fetches: nothing is unpacked. */
export function skopeoLayoutSide(peers: Peers): ImageSide {
  return {
    name: 'skopeo to oci:, not unpacked',
    within: async (asked, act) => {
      await using disk = await freshDisk(peers, join(peers.directory, 'images'));
      const copy = [...peers.enter, 'skopeo', '--insecure-policy', 'copy', '-q', '--src-tls-verify=false'];
      const pull = [...copy, `docker://${asked.pulled}`, `oci:${join(disk.path, 'layout')}:1`];
      return await act({ commands: { pull }, daemons: async () => [] });
    },
  };
}

/** It pushes what it loaded as it is, not packed, so its push is none to compare with. */
export function containerdSide(peers: Peers): ImageSide {
  return {
    name: 'containerd',
    within: async (asked, act) => {
      await using disk = await freshDisk(peers, join(peers.directory, 'images'));
      await using containerd = await startContainerd(peers, join(disk.path, 'containerd'));
      const images = [...peers.enter, 'ctr', '-a', containerd.socket, 'images'];
      return await act({
        commands: {
          load: [...images, 'import', asked.archive],
          save: [...images, 'export', asked.saved, `docker.io/${asked.image}`],
          pull: [...images, 'pull', '--plain-http', asked.pulled],
          're-pull': [...images, 'pull', '--plain-http', asked.pulledAgain],
        },
        daemons: async () => [containerd.pid],
      });
    },
  };
}

async function startContainerd(
  peers: Peers,
  directory: string,
): Promise<AsyncDisposable & { readonly socket: string; readonly pid: number }> {
  const state = '/run/gimages-containerd';
  const socket = join(state, 'sock');
  const child = Bun.spawn([...peers.enter, 'containerd', '--root', directory, '--state', state, '-a', socket], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  });
  const answers = async (): Promise<boolean> =>
    (await Bun.spawn([...peers.enter, 'ctr', '-a', socket, 'version'], { stdout: 'ignore', stderr: 'ignore' })
      .exited) === 0;
  await waitFor('containerd answers', answers, 30_000);
  return {
    socket,
    pid: child.pid,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await child.exited;
    },
  };
}

async function freshDisk(peers: Peers | undefined, path: string): Promise<AsyncDisposable & { readonly path: string }> {
  const disk = await mountLoopDisk(peers, path, diskMegabytes);
  return { path, [Symbol.asyncDispose]: () => disk[Symbol.asyncDispose]() };
}

/** Podman and skopeo note where blobs were sent, and would have the next turn's mounted from there. */
function amnesia(peers: Peers): readonly string[] {
  const script = 'mkdir -p /var/lib/containers/cache; mount -t tmpfs none /var/lib/containers/cache; exec "$@"';
  return [...peers.enter, 'unshare', '--mount', 'sh', '-c', script, 'sh'];
}

/** The storage of podman and skopeo mounts itself, which would keep its disk. */
async function dropStorage(peers: Peers, storage: string): Promise<void> {
  const script = `umount '${storage}/overlay' 2>/dev/null || true`;
  await commandOutput([...peers.enter, 'sh', '-c', script]);
}
