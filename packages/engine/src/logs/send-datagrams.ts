import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { setTimeout as delay } from 'node:timers/promises';
import {
  close,
  connect,
  isSystemError,
  SystemError,
  sendto,
  socket,
  socketFamily,
  socketType,
  unixAddress,
} from '@gantry/native';
import type { Sender } from './sender.ts';

const nothingLost = new AbortController().signal;

/** Datagrams to a host: gone is gone, but a port that nobody listens on is told by the kernel. */
export async function openUdp({ host, port }: { host: string; port: number }): Promise<Sender> {
  const { address, family } = await lookup(host);
  const udp = createSocket(family === 6 ? 'udp6' : 'udp4');
  let failure: Error | undefined;
  udp.on('error', (error) => {
    failure = error;
  });
  await new Promise<void>((resolve, reject) => {
    udp.once('error', reject);
    udp.connect(port, address, () => {
      udp.off('error', reject);
      resolve();
    });
  });
  udp.unref();
  const sendOne = (message: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      udp.send(message, (error) => (error ? reject(error) : resolve()));
    });
  return {
    settleMs: 0,
    lost: nothingLost,
    send: async (messages) => {
      for (const message of messages) await sendOne(message);
      if (failure !== undefined) throw failure;
    },
    finish: async () => undefined,
    [Symbol.asyncDispose]: async () => {
      udp.close();
    },
  };
}

const again = -11;
const tooLong = -90;
const fullPauseMs = 5;

/** Datagrams to a unix socket: none is lost, its queue is waited for. @throws SystemError when nobody has the socket */
export function openUnixDatagrams(path: string, signal: AbortSignal): Sender {
  const fd = socket(socketFamily.unix, socketType.datagram, { nonBlocking: true });
  let isOpen = true;
  const shut = (): void => {
    if (isOpen) close(fd);
    isOpen = false;
  };
  try {
    connect(fd, unixAddress(path));
  } catch (error) {
    shut();
    throw error;
  }
  const sendOne = async (message: Uint8Array): Promise<void> => {
    for (;;) {
      if (!isOpen || signal.aborted) throw new Error('it was given up');
      const sent = sendto(fd, message);
      // Longer than any queue: sent again and again it would hold up all that follows.
      if (sent >= 0 || sent === tooLong) return;
      if (sent !== again) throw new SystemError('sendto', -sent, path);
      await delay(fullPauseMs);
    }
  };
  return {
    settleMs: 0,
    lost: nothingLost,
    send: async (messages) => {
      for (const message of messages) await sendOne(message);
    },
    finish: async () => undefined,
    [Symbol.asyncDispose]: async () => shut(),
  };
}

/** Tells whether a socket is there, but of the other kind than was tried. */
export function isOtherKind(error: unknown): boolean {
  return isSystemError(error, 'EPROTOTYPE');
}
