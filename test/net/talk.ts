import { inNetworkNamespace } from '../../packages/engine/src/network/in-network-namespace.ts';

/** The namespace of the test's own thread: the host of its world. */
export const host = '/proc/thread-self/ns/net';

const timeoutMs = 400;

/** A TCP server inside a namespace that says who called it, and what it is called. */
export function serveTcp(namespace: string, address: string, port: number): Disposable {
  const listener = inNetworkNamespace(namespace, () =>
    Bun.listen({
      hostname: address,
      port,
      socket: {
        open(socket) {
          socket.end(`hello ${socket.remoteAddress}`);
        },
        data() {
          // Callers only listen.
        },
      },
    }),
  );
  return { [Symbol.dispose]: () => listener.stop(true) };
}

/** Connects from a namespace. @returns what the server said; `refused`, or `timeout` when packets get lost */
export async function callTcp(namespace: string, address: string, port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve('timeout'), timeoutMs);
  let heard = '';
  const pending = inNetworkNamespace(namespace, () =>
    Bun.connect({
      hostname: address,
      port,
      socket: {
        data(_socket, bytes) {
          heard += new TextDecoder().decode(bytes);
        },
        close() {
          resolve(heard === '' ? 'closed' : heard);
        },
        connectError(_socket, error) {
          resolve('code' in error && error.code === 'ECONNREFUSED' ? 'refused' : String(error));
        },
      },
    }),
  );
  pending.catch((error: unknown) =>
    resolve(error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED' ? 'refused' : String(error)),
  );
  const answer = await promise;
  clearTimeout(timer);
  pending.then(
    (socket) => socket.terminate(),
    () => undefined,
  );
  return answer;
}

/** A UDP server inside a namespace that answers who asked. */
export async function serveUdp(namespace: string, address: string, port: number): Promise<Disposable> {
  const socket = await inNetworkNamespace(namespace, () =>
    Bun.udpSocket({
      hostname: address,
      port,
      socket: {
        data(server, _bytes, ...[fromPort, from]) {
          server.send(`hello ${from}`, fromPort, from);
        },
      },
    }),
  );
  return { [Symbol.dispose]: () => socket.close() };
}

/** Asks a UDP server. @returns its answer, or `timeout` */
export async function callUdp(namespace: string, address: string, port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve('timeout'), timeoutMs);
  const socket = await inNetworkNamespace(namespace, () =>
    Bun.udpSocket({
      connect: { hostname: address, port },
      socket: {
        data(_socket, bytes) {
          resolve(new TextDecoder().decode(bytes));
        },
      },
    }),
  );
  socket.send('hi');
  const answer = await promise;
  clearTimeout(timer);
  socket.close();
  return answer;
}
