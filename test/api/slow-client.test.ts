import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Incoming } from '../../packages/daemon/src/http/incoming.ts';
import { RawClient } from './raw-client.ts';

/** Both ends of one connection. */
async function connected(): Promise<{ client: RawClient; socket: Socket } & Disposable> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-slow-'));
  const path = join(directory, 's.sock');
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => accepted.resolve(socket));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = await RawClient.connect(path);
  const socket = await accepted.promise;
  return {
    client,
    socket,
    [Symbol.dispose]: () => {
      client.destroy();
      socket.destroy();
      server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

test('a client that stops in the middle is refused when its time is over, and not before', async () => {
  using pair = await connected();
  const incoming = new Incoming(pair.socket);
  pair.client.send('part');
  using _deadline = incoming.deadline(30);
  expect(String(await incoming.readSome(100))).toBe('part');
  await expect(incoming.readSome(100)).rejects.toThrow('the request came too slowly');
});

test('a deadline that is over with its block does not reach the next wait', async () => {
  using pair = await connected();
  const incoming = new Incoming(pair.socket);
  pair.client.send('ab');
  await incoming.readSome(1);
  {
    // What is read under it is here already, so it never ends early on a busy machine.
    using _deadline = incoming.deadline(50);
    await incoming.readSome(1);
  }
  const next = incoming.readSome(1);
  await new Promise<void>((resolve) => setTimeout(resolve, 60));
  pair.client.send('c');
  expect(String(await next)).toBe('c');
});

test('an idle connection has all the time in the world until its first byte', async () => {
  using pair = await connected();
  const incoming = new Incoming(pair.socket);
  const head = incoming.readHead();
  pair.client.send('GET / HTTP/1.1\r\n\r\n');
  expect(await head).toBe('GET / HTTP/1.1');
  const ended = incoming.readHead();
  pair.client.halfClose();
  expect(await ended).toBeUndefined();
});
