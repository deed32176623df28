import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { EngineError, messageOf } from '@gantry/base';
import { type ServeDeps, serveConnection } from './serve-connection.ts';

/** Where to listen, parsed from `-H`. */
export type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** Parses `unix:///path`, `tcp://host:port`, with Docker's defaults for what is left out. @throws invalid */
export function parseAddress(text: string): Address {
  const unix = /^unix:\/\/(.*)$/.exec(text);
  if (unix !== null) return { kind: 'unix', path: unix[1] === '' ? '/var/run/docker.sock' : (unix[1] ?? '') };
  const tcp = /^tcp:\/\/(\[[^\]]+\]|[^:/]*)(?::(\d{1,5}))?\/?$/.exec(text);
  if (tcp !== null) {
    const host = (tcp[1] ?? '').replace(/^\[|\]$/g, '');
    return { kind: 'tcp', host: host === '' ? 'localhost' : host, port: Number(tcp[2] ?? 2375) };
  }
  const scheme = /^(\w+):\/\//.exec(text)?.[1];
  if (scheme === 'fd')
    throw new EngineError('unsupported', `cannot listen on "${text}": socket activation is not supported yet`);
  throw new EngineError('invalid', `invalid bind address (${text}): use unix:///path or tcp://host:port`);
}

/** A door that is open. Disposing closes it and every connection, and removes the socket's file. */
export type Listener = AsyncDisposable & { readonly address: string };

/**
 * Opens a door.
 *
 * SAFETY: a unix socket's file is only replaced when nobody answers on it, and it is never anyone's for a moment: the
 * umask is closed before it appears, the group is set after.
 *
 * @throws conflict when another daemon listens there, unavailable when the address cannot be bound
 */
export async function listen(deps: ServeDeps, address: Address, options: { group: string }): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (address.kind === 'tcp') socket.setNoDelay(true);
    void serveConnection(deps, socket);
  });
  if (address.kind === 'unix') await bindUnix(server, address.path, options.group);
  else await bound(server, () => server.listen(address.port, address.host), `tcp://${address.host}:${address.port}`);
  return {
    address: shown(server, address),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      if (address.kind === 'unix') rmSync(address.path, { force: true });
    },
  };
}

function shown(server: Server, address: Address): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  const at = server.address();
  return `tcp://${address.host}:${typeof at === 'object' && at !== null ? at.port : address.port}`;
}

async function bindUnix(server: Server, path: string, group: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present !== undefined) {
    if (!present.isSocket())
      throw new EngineError('conflict', `cannot listen on "${path}": a file that is no socket is there`);
    if (await answers(path))
      throw new EngineError('conflict', `cannot listen on "${path}": another daemon listens there`);
    rmSync(path);
  }
  const before = process.umask(0o177);
  try {
    await bound(server, () => server.listen(path), path);
  } finally {
    process.umask(before);
  }
  const gid = groupId(group);
  if (gid !== undefined && process.getuid?.() === 0) chownSync(path, 0, gid);
  chmodSync(path, 0o660);
}

async function answers(path: string): Promise<boolean> {
  const probe = connect(path);
  try {
    return await new Promise<boolean>((resolve) => {
      probe.once('connect', () => resolve(true));
      probe.once('error', () => resolve(false));
    });
  } finally {
    probe.destroy();
  }
}

async function bound(server: Server, start: () => void, what: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: Error): void => {
      reject(new EngineError('unavailable', `cannot listen on "${what}": ${messageOf(error)}`, { cause: error }));
    };
    server.once('error', refuse);
    server.once('listening', () => {
      server.off('error', refuse);
      resolve();
    });
    start();
  });
}

/** A group's number from its name or number; undefined when the host has none of that name. */
function groupId(group: string): number | undefined {
  if (/^\d+$/.test(group)) return Number(group);
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${group}:`));
  const gid = line?.split(':')[2];
  return gid === undefined ? undefined : Number(gid);
}
