import type { Socket } from 'bun';

/** A listener of the daemon's that carries TCP connections to a container. */
export type Relay = { readonly port: number; readonly close: () => void };

type Address = { readonly address: string; readonly port: number };
type Half = { peer: Socket<Half> | undefined; pending: Uint8Array[]; ended: boolean; pendingBytes: number };

/** What one side may have waiting before the other is told to stop. */
const highWater = 256 * 1024;

/**
 * Carries connections to an IPv6 address of the host to a container that has only IPv4 (or the other way round):
 * packets cannot be translated between the families, so bytes are.
 *
 * @throws the system's error when the address is taken
 */
export function openRelay(from: Address, to: Address): Relay {
  const open = new Set<Socket<Half>>();
  const handler = relayHandler(open);
  const options = {
    hostname: from.address,
    port: from.port,
    exclusive: true,
    // The IPv4 address of the same number is somebody else's: a socket of ours or of another program.
    ipv6Only: true,
    allowHalfOpen: true,
    socket: {
      ...handler,
      open(client: Socket<Half>): void {
        open.add(client);
        client.data = newHalf();
        client.pause();
        connectPeer(client, to, handler);
      },
    },
  };
  const listener = Bun.listen<Half>(options);
  const close = (): void => {
    listener.stop(true);
    for (const socket of open) socket.terminate();
  };
  return { port: listener.port, close };
}

const newHalf = (): Half => ({ peer: undefined, pending: [], ended: false, pendingBytes: 0 });

function connectPeer(client: Socket<Half>, to: Address, handler: ReturnType<typeof relayHandler>): void {
  const data: Half = { ...newHalf(), peer: client };
  Bun.connect<Half>({ hostname: to.address, port: to.port, allowHalfOpen: true, data, socket: handler }).then(
    (server) => {
      client.data.peer = server;
      client.resume();
    },
    // The container does not listen there: its refusal is passed on as the end of the connection.
    () => client.terminate(),
  );
}

/** The same handler serves both sides: what one reads, the other writes. */
function relayHandler(open: Set<Socket<Half>>) {
  return {
    open(socket: Socket<Half>): void {
      open.add(socket);
    },
    data(socket: Socket<Half>, chunk: Uint8Array): void {
      const { peer } = socket.data;
      if (peer === undefined) return;
      send(peer, chunk);
      if (peer.data.pendingBytes > highWater) socket.pause();
    },
    drain(socket: Socket<Half>): void {
      flush(socket);
      if (socket.data.pendingBytes === 0) socket.data.peer?.resume();
    },
    end(socket: Socket<Half>): void {
      const { peer } = socket.data;
      if (peer === undefined) return;
      peer.data.ended = true;
      flush(peer);
    },
    close(socket: Socket<Half>): void {
      open.delete(socket);
      socket.data.peer?.end();
    },
    error(socket: Socket<Half>): void {
      // One side broke: there is nobody left to tell but the other.
      socket.data.peer?.terminate();
    },
  };
}

function send(socket: Socket<Half>, chunk: Uint8Array): void {
  const { data } = socket;
  const written = data.pending.length === 0 ? Math.max(socket.write(chunk), 0) : 0;
  if (written === chunk.length) return;
  // Bun reuses the buffer of a read, so what waits is copied.
  data.pending.push(chunk.slice(written));
  data.pendingBytes += chunk.length - written;
}

function flush(socket: Socket<Half>): void {
  const { data } = socket;
  for (;;) {
    const chunk = data.pending[0];
    if (chunk === undefined) break;
    const written = Math.max(socket.write(chunk), 0);
    data.pendingBytes -= written;
    if (written < chunk.length) {
      data.pending[0] = chunk.subarray(written);
      return;
    }
    data.pending.shift();
  }
  if (data.ended) socket.shutdown();
}
