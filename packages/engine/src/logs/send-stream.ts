import { readFileSync } from 'node:fs';
import { connect as connectPlain, type NetConnectOpts, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { EngineError, messageOf } from '@gantry/base';
import type { Sender } from './sender.ts';
import type { Endpoint, TlsFiles } from './types.ts';

const connectMs = 10_000;
/** A receiver that went down within this time may not have read what was sent before. */
const settleMs = 1000;

export type StreamEndpoint = Exclude<Endpoint, { kind: 'udp' | 'unixgram' }>;

/**
 * Connects by TCP, TLS or a unix socket.
 *
 * @param signal cuts the connection, also while it is made or the other side takes nothing
 * @param onData what the other side says; nothing is expected when absent
 */
export async function openStream(
  endpoint: StreamEndpoint,
  signal: AbortSignal,
  onData?: (bytes: Uint8Array) => void,
): Promise<Sender> {
  const socket = openSocket(endpoint);
  const cut = (): void => void socket.destroy();
  if (signal.aborted) cut();
  signal.addEventListener('abort', cut, { once: true });
  const lost = new AbortController();
  let failure: Error | undefined;
  socket.on('error', (error) => {
    failure = error;
  });
  socket.on('close', () => {
    signal.removeEventListener('abort', cut);
    lost.abort();
  });
  // Without a reader the end of the other side would never be seen.
  socket.on('data', (bytes: Uint8Array) => onData?.(bytes));
  socket.on('end', () => socket.destroy());
  try {
    await established(socket, endpoint.kind === 'tls' ? 'secureConnect' : 'connect');
  } catch (error) {
    socket.destroy();
    throw error;
  }
  const whyLost = (): Error => failure ?? new Error('the other side closed the connection');
  return {
    settleMs,
    lost: lost.signal,
    send: async (messages) => {
      if (lost.signal.aborted) throw whyLost();
      const [only] = messages;
      const bytes = messages.length === 1 && only !== undefined ? only : Buffer.concat(messages);
      if (bytes.length === 0 || socket.write(bytes)) return;
      await settled(socket, 'drain');
      if (lost.signal.aborted) throw whyLost();
    },
    finish: async () => {
      if (lost.signal.aborted) throw whyLost();
      const closed = settled(socket, 'close');
      socket.end();
      await Promise.race([closed, delay(settleMs, undefined, { ref: false })]);
      if (failure !== undefined) throw failure;
    },
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
    },
  };
}

function openSocket(endpoint: StreamEndpoint): Socket {
  switch (endpoint.kind) {
    case 'unix':
      return connectPlain({ path: endpoint.path } satisfies NetConnectOpts);
    case 'tcp':
      return connectPlain({ host: endpoint.host, port: endpoint.port });
    case 'tls': {
      const { host, port, tls } = endpoint;
      return connectTls({ host, port, servername: host, ...tlsOptions(tls) });
    }
  }
}

function tlsOptions({ ca, cert, key, skipVerify }: TlsFiles): {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly rejectUnauthorized: boolean;
} {
  return {
    ...(ca ? { ca: readPem('CA certificate', ca) } : {}),
    ...(cert ? { cert: readPem('certificate', cert) } : {}),
    ...(key ? { key: readPem('key', key) } : {}),
    rejectUnauthorized: !skipVerify,
  };
}

function readPem(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new EngineError('invalid', `could not read ${what} "${path}": ${messageOf(cause)}`, { cause });
  }
}

async function established(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error('the connection was not answered')), connectMs);
  socket.once(event, () => resolve());
  socket.once('error', reject);
  socket.once('close', () => reject(new Error('the other side closed the connection')));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    socket.off('error', reject);
  }
}

/** Waits for an event, or the end of the socket. */
async function settled(socket: Socket, event: 'drain' | 'close'): Promise<void> {
  if (socket.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => resolve();
  socket.once(event, done);
  socket.once('close', done);
  await promise;
  socket.off(event, done);
  socket.off('close', done);
}
