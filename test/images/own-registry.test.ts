import { expect, setDefaultTimeout, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { type ClientName, startEngine } from '../harness/engine.ts';
import { startRegistry } from '../registry/registry-server.ts';
import { makeTar } from './made-image.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

const clients: readonly ClientName[] = ['docker', 'gantry'];

type Wire = { readonly host: string; readonly heads: string[] } & AsyncDisposable;

/** A wire to a registry that is cut once, after so many bytes of one connection, and shows the heads of uploads. */
async function startWire(target: URL, cutAfterBytes: number): Promise<Wire> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    let passedBytes = 0;
    for (const [end, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(end);
      end.on('error', () => other.destroy());
      end.on('close', () => other.destroy());
    }
    client.on('data', (bytes: Buffer) => {
      heads.push(...(bytes.toString('latin1').match(/PATCH [\s\S]*?\r\n\r\n/g) ?? []));
      upstream.write(bytes);
      passedBytes += bytes.length;
      if (isCut || passedBytes < cutAfterBytes) return;
      isCut = true;
      // What was passed on must arrive before the wire is gone.
      upstream.end(() => client.destroy());
    });
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('unreachable: it listens on a port');
  return {
    host: `127.0.0.1:${address.port}`,
    heads,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => void server.close(() => resolve()));
    },
  };
}

test('a push whose wire is cut goes on behind what our registry kept', async () => {
  await using registry = await startRegistry();
  await using wire = await startWire(new URL(registry.url()), 2_000_000);
  await using engine = await startEngine({ busybox: false });
  const name = `${wire.host}/app`;
  const tar = makeTar([{ kind: 'file', path: 'noise', text: randomBytes(4 * 2 ** 20).toString('latin1') }]);
  await engine.output('docker', ['import', '-', name], { stdin: tar });
  expect(await engine.output('docker', ['push', name])).toContain(': Pushed');
  const starts = wire.heads.map((head) => Number(/content-range: (\d+)-/i.exec(head)?.[1] ?? 0));
  expect(Math.max(...starts)).toBeGreaterThan(0);
  await engine.output('docker', ['rmi', name]);
  await engine.output('docker', ['pull', name]);
});

test('docker and gantry find in our registry what they pushed', async () => {
  await using registry = await startRegistry();
  await using engine = await startEngine();
  const { host } = new URL(registry.url());
  for (const client of clients) {
    await engine.output('docker', ['tag', 'busybox', `${host}/tools/${client}`]);
    await engine.output(client, ['push', `${host}/tools/${client}`]);
  }
  const [theirs, ours] = await Promise.all(clients.map((client) => engine.run(client, ['search', `${host}/tools`])));
  expect(ours).toEqual(theirs as NonNullable<typeof theirs>);
  expect(ours?.stdout).toContain('tools/docker');
  expect(ours?.stdout).toContain('tools/gantry');
});

test('both clients say what to do about what a registry answers', async () => {
  await using undo = new AsyncDisposableStack();
  const engine = undo.use(await startEngine());
  const registry = undo.use(await startRegistry());
  const host = new URL(registry.url()).host;
  await engine.output('docker', ['tag', 'busybox', `${host}/app:latest`]);
  await engine.output('docker', ['push', '-q', `${host}/app:latest`]);
  for (const client of clients) {
    const mistyped = await engine.run(client, ['pull', `${host}/app:lates`]);
    expect(mistyped.stderr).toContain(
      `manifest for ${host}/app:lates not found: manifest unknown: manifest unknown: there is ${host}/app:latest`,
    );
    const foreign = await engine.run(client, ['pull', '--platform', 'linux/s390x', `${host}/app`]);
    expect(foreign.exitCode).not.toBe(0);
    const closed = await engine.run(client, ['pull', '127.0.0.1:9/app']);
    expect(closed.stderr).toContain(
      'dial tcp 127.0.0.1:9: connect: connection refused: see that the registry 127.0.0.1:9 runs and can be reached from here',
    );
  }
});
