import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname } from 'node:path';
import { EngineError, messageOf } from '@gantry/base';
import { bind, close, duplicate, listen, socket, socketFamily, socketType, unixAddress } from '@gantry/native';
import { type Address, formatAddress } from './address.ts';

/** How many connections the kernel keeps for a daemon that does not take them just now: during a takeover, say. */
const backlog = 4096;

/**
 * Makes a listening socket; the caller closes it, and removes the file of a unix one.
 *
 * SAFETY: a unix socket's file is only replaced when nobody answers on it, and it is never anyone's for a moment: the
 * umask is closed before it appears, the group is set after.
 *
 * @throws conflict when another daemon listens there, unavailable when the address cannot be bound
 */
export async function bindAddress(address: Address, options: { readonly group: string }): Promise<number> {
  switch (address.kind) {
    case 'unix':
      return await bindUnix(address.path, options.group);
    case 'tcp':
      return await bindTcp(address);
    case 'fd':
      throw new EngineError('unavailable', `cannot listen on "${formatAddress(address)}": no such socket was passed`, {
        hint: 'a supervisor passes sockets (LISTEN_FDS): start the daemon by its socket unit, or give it another -H',
      });
  }
}

async function bindUnix(path: string, group: string): Promise<number> {
  mkdirSync(dirname(path), { recursive: true });
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present !== undefined) {
    if (!present.isSocket())
      throw new EngineError('conflict', `cannot listen on "${path}": a file that is no socket is there`);
    if (await answers(path))
      throw new EngineError('conflict', `cannot listen on "${path}": another daemon listens there`);
    rmSync(path);
  }
  const fd = socket(socketFamily.unix, socketType.stream, { nonBlocking: true });
  const before = process.umask(0o177);
  try {
    bind(fd, unixAddress(path));
  } catch (error) {
    close(fd);
    throw new EngineError('unavailable', `cannot listen on "${path}": ${messageOf(error)}`, { cause: error });
  } finally {
    process.umask(before);
  }
  const gid = groupId(group);
  if (gid !== undefined && process.getuid?.() === 0) chownSync(path, 0, gid);
  chmodSync(path, 0o660);
  listen(fd, backlog);
  return fd;
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

/** Bun resolves the host and binds; its server is given up for the socket that it made. */
async function bindTcp({ host, port }: Extract<Address, { kind: 'tcp' }>): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new EngineError('unavailable', `cannot listen on "tcp://${host}:${port}": ${messageOf(cause)}`, { cause }),
      );
    });
    server.listen({ host, port, backlog }, resolve);
  });
  const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
  const own = duplicate(fd);
  server.close();
  return own;
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
