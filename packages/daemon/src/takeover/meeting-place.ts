import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';

/**
 * Where the daemons of one exec root meet, each later one in the place of the one before: `api` is a door for them alone,
 * `takeover` is where one asks the other to give way. Both are root's only, as the directory above them is.
 */
export type MeetingPlace = Disposable & { readonly api: string; readonly takeover: string };

/** A socket address holds 107 bytes, and roots of any length must work: sockets are named through a descriptor. */
export function openMeetingPlace(execRoot: string): MeetingPlace {
  const directory = join(execRoot, 'daemon');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const fd = openSync(directory, 'r');
  const short = `/proc/self/fd/${fd}`;
  return { api: join(short, 'api'), takeover: join(short, 'takeover'), [Symbol.dispose]: () => closeSync(fd) };
}

/** Makes room for a socket of the daemon that is in place now. */
export function clear(path: string): void {
  rmSync(path, { force: true });
}

/** @throws the system's error when nobody listens there */
export function connectTo(path: string): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
