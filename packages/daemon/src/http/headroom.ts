import type { Socket } from 'node:net';
import { formatJson } from '@gantry/api';
import { reasonOf } from './http-error.ts';

/** Descriptors that are left to the engine: to start containers, to end them, to write down what happened. */
const mostReserved = 128;

/** Whoever is turned away is told so when he asks; one that says nothing in this time only takes room. */
const longestMs = 1000;

/**
 * Turns a connection away that took one of the last descriptors. The kernel gives the lowest that is free, so its number
 * says how many there are. Half of the reserve serves to tell clients why; beyond that they are cut off.
 *
 * @param limit how many the process may have
 * @returns whether it was turned away
 */
export function turnedAway(socket: Socket, limit: number): boolean {
  const fd = (socket as unknown as { readonly _handle: { readonly fd: number } | null })._handle?.fd ?? 0;
  const reserve = Math.min(mostReserved, Math.floor(limit / 3));
  if (fd < limit - reserve) return false;
  socket.on('error', () => undefined);
  if (fd >= limit - reserve / 2) socket.destroy();
  else tellWhy(socket);
  return true;
}

function tellWhy(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), longestMs);
  socket.once('close', () => clearTimeout(timer));
  // An answer before the question is a fault to Go's clients.
  socket.once('data', (request: Buffer) => {
    const body = `${formatJson({ message: 'the daemon is out of file descriptors: too many connections are open' })}\n`;
    const type = `Content-Type: application/json\r\nContent-Length: ${body.length}`;
    const head = `HTTP/1.1 503 ${reasonOf(503)}\r\n${type}\r\nConnection: close\r\n\r\n`;
    socket.end(request.toString('latin1', 0, 5) === 'HEAD ' ? head : head + body, () => socket.destroy());
  });
}
