import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Incoming } from './incoming.ts';
import { limits } from './limits.ts';

/**
 * Turns a connection into the client's stream: what was read ahead comes first, `end` closes one side only, and reading
 * or writing stops while the other end is slow.
 */
export function hijack(socket: Socket, incoming: Incoming): Duplex {
  const early = incoming.detach();
  let waiting: ((error?: Error | null) => void) | undefined;
  const settle = (error?: Error | null): void => {
    const callback = waiting;
    waiting = undefined;
    callback?.(error);
  };
  const client = new Duplex({
    allowHalfOpen: true,
    read: () => {
      if (!socket.destroyed) socket.resume();
    },
    write: (chunk: Uint8Array, _encoding, callback) => {
      if (socket.destroyed) return callback(new Error('the client is gone'));
      if (socket.write(chunk)) return callback();
      waiting = callback;
    },
    final: (callback) => {
      socket.end();
      callback();
    },
    destroy: (error, callback) => {
      socket.destroy();
      callback(error);
    },
  });
  socket.on('data', (chunk: Buffer) => {
    if (!client.push(chunk)) socket.pause();
  });
  socket.on('end', () => client.push(null));
  socket.on('drain', () => settle());
  socket.on('close', () => {
    settle(new Error('the client is gone'));
    client.destroy();
  });
  if (early.bytes.length > 0) client.push(early.bytes);
  // It may have broken off before anyone listened for its close.
  if (socket.destroyed) client.destroy();
  else if (early.ended) client.push(null);
  else socket.resume();
  // A stream that breaks tells through `close`; without a listener its error would end the process.
  client.on('error', () => undefined);
  return client;
}

/**
 * Ends a hijacked connection as a server should: its own side first, then it reads on until the client has ended too.
 * Closing with unread bytes would reset the connection and could take the last output with it.
 */
export function endHijacked(client: Duplex): void {
  if (client.destroyed) return;
  if (!client.writableEnded) client.end();
  if (client.readableEnded) {
    client.destroy();
    return;
  }
  const timer = setTimeout(() => client.destroy(), limits.lingerMs);
  timer.unref();
  client.once('end', () => client.destroy());
  client.once('close', () => clearTimeout(timer));
  client.removeAllListeners('data');
  client.resume();
}
