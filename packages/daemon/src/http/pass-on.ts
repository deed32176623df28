import type { Socket } from 'node:net';
import { hijack } from './hijack.ts';
import type { Incoming } from './incoming.ts';
import type { Elsewhere } from './turnstile.ts';

/**
 * Carries a connection on to another daemon, from a request whose head was read here: bytes both ways, until either side
 * has ended.
 */
export async function passOn(
  { socket, incoming, head }: { readonly socket: Socket; readonly incoming: Incoming; readonly head: string },
  elsewhere: Elsewhere,
): Promise<void> {
  const client = hijack(socket, incoming);
  let there: Socket;
  try {
    there = await elsewhere();
  } catch {
    client.destroy(); // there is no daemon any more: the client sees what it sees when one dies
    return;
  }
  there.on('error', () => client.destroy());
  client.on('close', () => there.destroy());
  there.write(Buffer.from(`${head}\r\n\r\n`, 'latin1'));
  client.pipe(there);
  there.pipe(client);
}
