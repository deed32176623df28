import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { close, duplicate, socketName } from '@gantry/native';
import { type Address, formatAddress } from './address.ts';
import { bindAddress } from './bind.ts';
import { readDescriptorLimit } from './descriptor-limit.ts';
import { turnedAway } from './headroom.ts';
import { type ServeDeps, serveConnection } from './serve-connection.ts';

/**
 * A door. Connections queue from the moment it is there; they are taken between `accept` and `rest`, of which a takeover
 * needs both. Disposing closes it and every connection, and removes the socket's file, unless another daemon has it now.
 */
export type Listener = AsyncDisposable & {
  /** What it serves and where, as it was asked for: under this name another daemon takes its descriptor. */
  readonly name: string;
  readonly serves: string;
  /** Where it listens in fact. */
  readonly address: string;
  readonly fd: number;
  /** How many are open. */
  readonly connections: number;
  accept(): Promise<void>;
  rest(): void;
  /** Lets go of the socket, which is another daemon's from now on; connections that were taken go on. */
  give(): void;
};

export type ListenOptions = {
  readonly group: string;
  /** What is served there, in a word or two. */
  readonly serves: string;
  /** By name, sockets that listen already: from the daemon before. */
  readonly inherited?: ReadonlyMap<string, number> | undefined;
};

/** Opens a door and takes connections. @throws conflict, unavailable when the address cannot be bound */
export async function listen(deps: ServeDeps, address: Address, options: ListenOptions): Promise<Listener> {
  const listener = await openListener(deps, address, options);
  await listener.accept();
  return listener;
}

/** Opens a door that takes no connections yet. @throws conflict, unavailable when the address cannot be bound */
export async function openListener(deps: ServeDeps, address: Address, options: ListenOptions): Promise<Listener> {
  const name = `${options.serves} ${formatAddress(address)}`;
  const fd = options.inherited?.get(name) ?? (await bindAddress(address, options));
  const descriptorLimit = readDescriptorLimit();
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let isOwn = true;
  let shown = formatAddress(address);
  const rest = (): void => {
    server?.close();
    server = undefined;
  };
  const letGo = (): void => {
    rest();
    if (isOwn) close(fd);
    isOwn = false;
  };
  return {
    name,
    serves: options.serves,
    fd,
    get connections() {
      return sockets.size;
    },
    get address() {
      return shown;
    },
    accept: async () => {
      const opened = createServer({ allowHalfOpen: true }, (socket) => {
        if (turnedAway(socket, descriptorLimit)) return;
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        if (address.kind === 'tcp') socket.setNoDelay(true);
        void serveConnection(deps, socket);
      });
      server = opened;
      await new Promise<void>((resolve, reject) => {
        opened.once('error', reject);
        opened.listen({ fd: duplicate(fd) }, resolve);
      });
      shown = describe(opened, address, fd);
    },
    rest,
    give: letGo,
    [Symbol.asyncDispose]: async () => {
      const wasOwn = isOwn;
      const closing = server;
      for (const socket of sockets) socket.destroy();
      if (closing !== undefined) await new Promise<void>((resolve) => closing.close(() => resolve()));
      server = undefined;
      letGo();
      if (wasOwn && address.kind === 'unix') rmSync(address.path, { force: true });
    },
  };
}

/** Where a socket listens in fact: the kernel chose the port, or a supervisor the address. */
function describe(server: Server, address: Address, fd: number): string {
  const at = server.address();
  if (typeof at === 'object' && at !== null && at.port !== undefined)
    return `tcp://${address.kind === 'tcp' ? address.host : at.address}:${at.port}`;
  if (address.kind !== 'fd') return formatAddress(address);
  const [path = ''] = new TextDecoder().decode(socketName(fd).subarray(2)).split('\0');
  return `unix://${path}`;
}
