import type { Duplex } from 'node:stream';
import { maxApiVersion } from '@gantry/api';
import { EngineError } from '@gantry/base';
import { hijack } from '../http/hijack.ts';
import { Incoming } from '../http/incoming.ts';
import { connectTo } from './meeting-place.ts';

export type AttachedStreams = { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };

/** Attaches to a container at another daemon: reads are its output, framed as a shim does it, writes are its stdin. */
export async function attachElsewhere(door: string, containerId: string, streams: AttachedStreams): Promise<Duplex> {
  const socket = await connectTo(door);
  const incoming = new Incoming(socket);
  socket.write(
    `POST /v${maxApiVersion}/containers/${containerId}/attach?stream=1&${wanted(streams)} HTTP/1.1\r\n` +
      'Host: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
  );
  const head = await incoming.readHead();
  if (head === undefined || !head.startsWith('HTTP/1.1 101 ')) {
    socket.destroy();
    throw new EngineError('unavailable', `cannot attach to "${containerId}" at the daemon that came after`);
  }
  return hijack(socket, incoming);
}

function wanted(streams: AttachedStreams): string {
  return Object.entries(streams)
    .map(([name, isWanted]) => `${name}=${isWanted ? 1 : 0}`)
    .join('&');
}
