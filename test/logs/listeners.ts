import { createSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/** A receiver of logs on a socket of the test's own. */
export type Listener = AsyncDisposable & {
  readonly port: number;
  /** Everything that came, in order of arrival. */
  readonly messages: Buffer[];
  text(): string;
};

export async function listenUdp(): Promise<Listener> {
  const messages: Buffer[] = [];
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  socket.on('message', (message) => messages.push(Buffer.from(message)));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    port: socket.address().port,
    messages,
    text: () => Buffer.concat(messages).toString('latin1'),
    [Symbol.asyncDispose]: async () => {
      socket.close();
    },
  };
}

export type StreamOptions = {
  /** A unix socket; else a port of 127.0.0.1 that the kernel or `port` chooses. */
  readonly path?: string;
  readonly port?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly answer?: (bytes: Buffer, socket: Socket) => void;
  /** Takes connections and no bytes. */
  readonly isDeaf?: boolean;
};

/** Takes streams; its end cuts them off, as the end of a receiver's process does. */
export async function listenStream(options: StreamOptions = {}): Promise<Listener> {
  const messages: Buffer[] = [];
  const sockets = new Set<Socket>();
  const serve = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    if (options.isDeaf === true) {
      socket.pause();
      return;
    }
    socket.on('data', (bytes: Buffer) => {
      messages.push(Buffer.from(bytes));
      options.answer?.(bytes, socket);
    });
  };
  const server: Server = options.tls === undefined ? createServer(serve) : createTlsServer(options.tls, serve);
  await new Promise<void>((resolve) => {
    if (options.path !== undefined) server.listen(options.path, resolve);
    else server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    messages,
    text: () => Buffer.concat(messages).toString('latin1'),
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
