import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Body } from './body.ts';
import { Incoming } from './incoming.ts';

/** Both ends of a connection; what one end writes at a time mostly comes as one piece. */
async function openPair(): Promise<AsyncDisposable & { readonly client: Socket; readonly server: Socket }> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-incoming-'));
  const accepted = Promise.withResolvers<Socket>();
  const listener = createServer({ allowHalfOpen: true }, (socket) => accepted.resolve(socket));
  await new Promise<void>((resolve) => listener.listen(join(directory, 's'), resolve));
  const client = connect(join(directory, 's'));
  const server = await accepted.promise;
  return {
    client,
    server,
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      server.destroy();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
      rmSync(directory, { recursive: true });
    },
  };
}

const head = 'POST /load HTTP/1.1\r\nHost: x';
const request = `${head}\r\n\r\n5\r\nhello\r\n8;a=b\r\n\r\nworld!\r\n0\r\nTrailer: t\r\n\r\nGET / HTTP/1.1\r\n\r\n`;

async function readRequest(pair: { client: Socket; server: Socket }, pieces: readonly string[]): Promise<string[]> {
  const incoming = new Incoming(pair.server);
  const sending = (async () => {
    for (const piece of pieces) await new Promise((resolve) => pair.client.write(piece, resolve));
  })();
  const first = await incoming.readHead();
  const body = await new Body(incoming, { kind: 'chunked' }, () => undefined).text();
  const next = await incoming.readHead();
  await sending;
  return [first ?? '', body, next ?? ''];
}

test('a chunked request is read alike wherever it is cut', async () => {
  const expected = [head, 'hello\r\nworld!', 'GET / HTTP/1.1'];
  const cuts = Array.from({ length: request.length }, (_, at) => [request.slice(0, at), request.slice(at)]);
  for (const pieces of [[request], [...request], ...cuts]) {
    await using pair = await openPair();
    expect(await readRequest(pair, pieces)).toEqual(expected);
  }
});

test('a size line and a head without end are refused', async () => {
  await using pair = await openPair();
  await expect(readRequest(pair, [`${head}\r\n\r\n${'1'.repeat(300)}`])).rejects.toThrow('chunk header too long');
  await using other = await openPair();
  await expect(readRequest(other, [head, 'x'.repeat(70_000)])).rejects.toThrow('request header fields too large');
});
