import { expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseEngine, parseEngineAddress } from '../engine-address.ts';
import { HttpClient } from './client.ts';
import { Connection } from './connection.ts';
import { framingOf, parseResponseHead } from './head.ts';

test('a response says how its body ends', () => {
  const framing = (text: string, method = 'GET') => framingOf(method, parseResponseHead(text)).kind;
  expect(framing('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked')).toBe('chunked');
  expect(framing('HTTP/1.1 200 OK\r\ncontent-length: 5')).toBe('length');
  expect(framing('HTTP/1.1 204 No Content')).toBe('none');
  expect(framing('HTTP/1.1 101 UPGRADED\r\nContent-Length: 3')).toBe('until-close');
  expect(framing('HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream')).toBe('until-close');
  expect(() => parseResponseHead('SSH-2.0-x')).toThrow('did not answer in HTTP');
});

test('an engine is chosen by flag, then GANTRY_HOST, then DOCKER_HOST, then our socket', () => {
  const chosen = (hosts: string[], environment: Record<string, string>) => {
    const { address, isNamed } = chooseEngine(hosts, environment);
    return `${address.url} ${isNamed}`;
  };
  const both = { GANTRY_HOST: 'unix:///g', DOCKER_HOST: 'unix:///d' };
  expect(chosen(['tcp://h:1'], both)).toBe('tcp://h:1 true');
  expect(chosen([], both)).toBe('unix:///g true');
  expect(chosen([], { DOCKER_HOST: 'unix:///d' })).toBe('unix:///d true');
  expect(chosen([], {})).toBe('unix:///run/gantry/gantry.sock false');
  expect(parseEngineAddress('tcp://[::1]:2376')).toEqual({
    kind: 'tcp',
    url: 'tcp://[::1]:2376',
    host: '::1',
    port: 2376,
  });
  expect(() => parseEngineAddress('ssh://host')).toThrow('ssh:// is not supported yet');
});

type Server = Disposable & { readonly path: string; connections(): number };

/** A server of plain bytes: each request head is answered by `answer`. */
function serve(answer: (request: string, socket: Bun.Socket<undefined>) => void): Server {
  const path = join(tmpdir(), `gantry-cli-${process.pid}-${crypto.randomUUID()}.sock`);
  let count = 0;
  const server = Bun.listen<undefined>({
    unix: path,
    allowHalfOpen: true,
    socket: {
      open: () => void count++,
      data: (socket, bytes) => answer(bytes.toString(), socket),
    },
  });
  return {
    path,
    connections: () => count,
    [Symbol.dispose]: () => {
      server.stop(true);
      rmSync(path, { force: true });
    },
  };
}

const clientOf = (server: Server) => new HttpClient(() => Connection.connect(parseEngineAddress(server.path)));

test('replies of every framing are read, one after another, over one connection', async () => {
  using server = serve((request, socket) => {
    if (request.startsWith('GET /chunks')) {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nab');
      socket.write('cd\r\n3\r\nefg\r\n0\r\nTrailer: x\r\n\r\n');
    } else if (request.startsWith('DELETE')) socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    else socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(request)}\r\n\r\n${request}`);
  });
  using client = clientOf(server);
  expect(await (await client.send({ method: 'GET', target: '/chunks' })).text()).toBe('abcdefg');
  expect(await (await client.send({ method: 'DELETE', target: '/x' })).text()).toBe('');
  const echoed = await (await client.send({ method: 'POST', target: '/y?z=1', body: '{"a":"é"}' })).text();
  expect(echoed).toBe(
    'POST /y?z=1 HTTP/1.1\r\nHost: gantry\r\nUser-Agent: gantry\r\nContent-Length: 10\r\n\r\n{"a":"é"}',
  );
  expect(server.connections()).toBe(1);
});

test("a refusal is the engine's own sentence", async () => {
  const body = '{"message":"No such container: x"}';
  using server = serve((_, socket) =>
    socket.write(`HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
  );
  using client = clientOf(server);
  expect(client.send({ method: 'GET', target: '/' })).rejects.toThrow(
    'Error response from daemon: No such container: x',
  );
});

test('after an upgrade the bytes that came with the head are not lost, and each half ends by itself', async () => {
  let received = '';
  using server = serve((text, socket) => {
    if (text.includes('HTTP/1.1')) socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\nearly ');
    else {
      received += text;
      socket.end(`echo ${text}`);
    }
  });
  using client = clientOf(server);
  const { connection } = await client.send({ method: 'POST', target: '/attach' });
  await connection.write('input');
  connection.endWriting();
  let text = '';
  for (let bytes = await connection.read(); bytes !== undefined; bytes = await connection.read())
    text += Buffer.from(bytes).toString();
  expect([text, received]).toEqual(['early echo input', 'input']);
});

test('a body that is cut off is an error, not a short answer', async () => {
  using server = serve((_, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
  using client = clientOf(server);
  const reply = await client.send({ method: 'GET', target: '/' });
  expect(reply.text()).rejects.toThrow('unexpected EOF');
});
