import type { Connection } from './connection.ts';
import type { Framing } from './head.ts';

/** Reads up to the end of a line or head; `undefined` when the connection ends before it starts. */
export async function readUntil(connection: Connection, mark: string, limitBytes: number): Promise<string | undefined> {
  let pending: Buffer = Buffer.alloc(0);
  while (true) {
    const at = pending.indexOf(mark);
    if (at >= 0) {
      connection.unread(pending.subarray(at + mark.length));
      return pending.toString('latin1', 0, at);
    }
    if (pending.length > limitBytes) throw new Error('the engine sent a header that is too long');
    const bytes = await connection.read();
    if (bytes === undefined) {
      if (pending.length === 0) return undefined;
      throw new Error('the engine closed the connection in the middle of a reply');
    }
    pending =
      pending.length === 0
        ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
        : Buffer.concat([pending, bytes]);
  }
}

/** The body's bytes as they come. `onEnd` runs when all of it was read, so that the connection may be used again. */
export async function* readBody(
  connection: Connection,
  framing: Framing,
  onEnd: () => void,
): AsyncGenerator<Uint8Array> {
  switch (framing.kind) {
    case 'none':
      break;
    case 'length':
      yield* readExactly(connection, framing.bytes);
      break;
    case 'chunked':
      yield* readChunks(connection);
      break;
    case 'until-close':
      for (let bytes = await connection.read(); bytes !== undefined; bytes = await connection.read()) yield bytes;
      return;
  }
  onEnd();
}

async function* readExactly(connection: Connection, length: number): AsyncGenerator<Uint8Array> {
  let left = length;
  while (left > 0) {
    const bytes = await connection.read();
    if (bytes === undefined) throw new Error('unexpected EOF');
    if (bytes.length > left) connection.unread(bytes.subarray(left));
    yield bytes.length > left ? bytes.subarray(0, left) : bytes;
    left -= Math.min(left, bytes.length);
  }
}

async function* readChunks(connection: Connection): AsyncGenerator<Uint8Array> {
  while (true) {
    const line = await readUntil(connection, '\r\n', 1024);
    const size = Number.parseInt(line ?? '', 16);
    if (Number.isNaN(size)) throw new Error('unexpected EOF');
    if (size === 0) {
      // Trailers, if any, end at an empty line.
      while ((await readUntil(connection, '\r\n', 65_536)) !== '');
      return;
    }
    yield* readExactly(connection, size);
    await readUntil(connection, '\r\n', 2);
  }
}
