import { connect, createServer, type Socket } from 'node:net';

/** A wire to a registry that counts what the registry sends. */
export type CountingWire = AsyncDisposable & {
  /** `127.0.0.1:41234`. */
  readonly host: string;
  /** Bytes from the registry since the last call, heads included. */
  take(): number;
};

export async function startCountingWire(target: URL): Promise<CountingWire> {
  const sockets = new Set<Socket>();
  let bytes = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [end, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(end);
      end.on('error', () => other.destroy());
      end.on('close', () => other.destroy());
      end.pipe(other);
    }
    upstream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('unreachable: it listens on a port');
  return {
    host: `127.0.0.1:${address.port}`,
    take: () => {
      const taken = bytes;
      bytes = 0;
      return taken;
    },
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => void server.close(() => resolve()));
    },
  };
}
