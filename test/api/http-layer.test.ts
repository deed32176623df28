import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '@gantry/api';
import { EngineError } from '@gantry/base';
import type { Answer } from '../../packages/daemon/src/http/answer.ts';
import type { ApiRequest, Dispatched } from '../../packages/daemon/src/http/dispatch.ts';
import { limits } from '../../packages/daemon/src/http/limits.ts';
import { type Listener, listen } from '../../packages/daemon/src/http/listen.ts';
import { createTurnstile } from '../../packages/daemon/src/http/turnstile.ts';
import { openLog } from '../../packages/daemon/src/log.ts';
import { createRequests } from '../../packages/daemon/src/metrics/requests.ts';
import { RawClient, splitAnswer } from './raw-client.ts';

// Routes made for these tests: each shows one way of answering. No engine stands behind them and none is imitated.
const seen = { aborted: [] as string[], written: 0 };

async function answer({ head, body, signal }: ApiRequest): Promise<Dispatched> {
  signal.addEventListener('abort', () => seen.aborted.push(head.path));
  const answered = await route(head.path, { head, body, signal });
  return {
    answer: answered,
    status: 200,
    print: (document) => JSON.parse(JSON.stringify(document)) as Json,
    follows: false,
  };
}

async function route(path: string, { head, body, signal }: ApiRequest): Promise<Answer<unknown>> {
  switch (path) {
    case '/hello':
      return { kind: 'document', value: { hello: head.query.get('who') ?? 'world' } };
    case '/echo':
      return { kind: 'document', value: { text: await body.text() } };
    case '/count': {
      let bytes = 0;
      for await (const chunk of body.stream()) bytes += chunk.length;
      return { kind: 'document', value: { bytes } };
    }
    case '/unread':
      return { kind: 'document', value: 'the body was not read' };
    case '/conflict':
      throw new EngineError('conflict', 'no', { hint: 'try later' });
    case '/bug':
      throw new TypeError('a fault of the program');
    case '/lines':
      return { kind: 'lines', headers: 'now', lines: lines(signal) };
    case '/late-failure':
      return {
        kind: 'lines',
        headers: 'first-line',
        lines: failing(1),
        failure: ({ message }) => ({ error: message }),
      };
    case '/early-failure':
      return {
        kind: 'lines',
        headers: 'first-line',
        lines: failing(0),
        failure: ({ message }) => ({ error: message }),
      };
    case '/cut':
      return { kind: 'lines', headers: 'now', lines: failing(1) };
    case '/flood':
      return { kind: 'bytes', contentType: 'application/octet-stream', chunks: flood() };
    case '/hijack':
      return {
        kind: 'hijack',
        contentType: 'application/vnd.docker.raw-stream',
        run: async (client) => {
          client.on('data', (chunk: Buffer) => client.write(`echo:${String(chunk)}`));
          await once(client, 'end');
          client.end('bye');
        },
      };
    case '/server-ends':
      return { kind: 'hijack', contentType: 'x/y', run: async (client) => void client.end('done') };
    default:
      throw new EngineError('not-found', 'page not found');
  }
}

async function* lines(signal: AbortSignal): AsyncGenerator<unknown, void> {
  yield { line: 1 };
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

async function* failing(after: number): AsyncGenerator<unknown, void> {
  for (let line = 0; line < after; line++) yield { line };
  throw new EngineError('not-found', 'it is gone');
}

async function* flood(): AsyncGenerator<Uint8Array, void> {
  for (let chunk = 0; chunk < 1024; chunk++) {
    seen.written += 64 * 1024;
    yield new Uint8Array(64 * 1024);
  }
}

const log = openLog({ level: () => 'fatal', format: 'text', write: () => undefined, now: () => new Date() });
const deps = {
  answer,
  common: { 'Api-Version': '1.51' },
  log,
  requests: createRequests(() => performance.now()),
  turnstile: createTurnstile(),
};
const directory = mkdtempSync(join(tmpdir(), 'gantry-http-'));
const path = join(directory, 'api.sock');
let listener: Listener;

beforeAll(async () => {
  listener = await listen(deps, { kind: 'unix', path }, { group: 'no-such-group', serves: 'API' });
});

afterAll(async () => {
  await listener[Symbol.asyncDispose]();
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});

async function exchange(request: string | Uint8Array): Promise<string> {
  using client = await RawClient.connect(path);
  client.send(request);
  return await client.untilEnd();
}

const closing = 'Host: d\r\nConnection: close\r\n';

describe('requests', () => {
  test('two requests in one packet get two answers in order on one connection', async () => {
    using client = await RawClient.connect(path);
    client.send('GET /hello?who=a HTTP/1.1\r\nHost: d\r\n\r\nGET /hello?who=b%20c HTTP/1.1\r\nHost: d\r\n\r\n');
    const text = await client.until('"hello":"b c"}');
    expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    expect(text.indexOf('"a"')).toBeLessThan(text.indexOf('"b c"'));
    expect(client.ended).toBe(false);
  });

  test('a request that comes one byte at a time is one request', async () => {
    using client = await RawClient.connect(path);
    for (const byte of `POST /echo HTTP/1.1\r\n${closing}Content-Length: 3\r\n\r\nabc`) {
      client.send(byte);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(splitAnswer(await client.untilEnd()).body).toBe('{"text":"abc"}\n');
  });

  test('a chunked body with extensions and trailers arrives whole, and the connection goes on', async () => {
    using client = await RawClient.connect(path);
    client.send('POST /echo HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n');
    client.send('3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: v\r\n\r\nGET /hello HTTP/1.1\r\nHost: d\r\n\r\n');
    expect(await client.until('"hello"')).toContain('{"text":"abcde"}');
  });

  test('curl is told to continue only when somebody reads its body', async () => {
    using client = await RawClient.connect(path);
    client.send('POST /echo HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('ok');
    expect(await client.until('{"text":"ok"}')).toContain('HTTP/1.1 200 OK');
  });

  test('a small body that nobody read does not become the next request', async () => {
    using client = await RawClient.connect(path);
    client.send('POST /unread HTTP/1.1\r\nHost: d\r\nContent-Length: 20\r\n\r\nGET /bug HTTP/1.1\r\n\r\n');
    client.send('GET /hello HTTP/1.1\r\nHost: d\r\n\r\n');
    expect(await client.until('"hello"')).not.toContain('fault');
  });

  test('HTTP/1.0 gets one answer and the end', async () => {
    const { status, headers } = splitAnswer(await exchange('GET /hello HTTP/1.0\r\n\r\n'));
    expect([status, headers.connection]).toEqual([200, 'close']);
  });

  test('HEAD gets the head of the answer only', async () => {
    const { headers, body } = splitAnswer(await exchange(`HEAD /hello HTTP/1.1\r\n${closing}\r\n`));
    expect([headers['content-length'], body]).toEqual(['18', '']);
  });

  test('OPTIONS is answered everywhere', async () => {
    expect(splitAnswer(await exchange(`OPTIONS /any HTTP/1.1\r\n${closing}\r\n`)).status).toBe(200);
  });
});

describe('refusals', () => {
  test.each([
    ['no request line', 'nonsense\r\n\r\n', 400],
    ['another protocol', 'GET / HTTP/2.0\r\n\r\n', 505],
    ['no host', 'GET /hello HTTP/1.1\r\n\r\n', 400],
    ['a folded header', 'GET /hello HTTP/1.1\r\nHost: d\r\n folded\r\n\r\n', 400],
    ['a header without a name', 'GET /hello HTTP/1.1\r\nHost: d\r\n: x\r\n\r\n', 400],
    ['a space before the colon', 'GET /hello HTTP/1.1\r\nHost : d\r\n\r\n', 400],
    ['two lengths', 'POST /echo HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    ['a negative length', 'POST /echo HTTP/1.1\r\nHost: d\r\nContent-Length: -1\r\n\r\n', 400],
    [
      'a length beside chunks',
      'POST /echo HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['an unknown encoding', 'POST /echo HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip\r\n\r\n', 501],
    ['a broken escape', 'GET /%zz HTTP/1.1\r\nHost: d\r\n\r\n', 400],
    ['a broken chunk size', 'POST /echo HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
    [
      'a chunk that is longer than it says',
      'POST /echo HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n',
      400,
    ],
  ])('%s is refused and the connection ends', async (_what, request, status) => {
    expect(splitAnswer(await exchange(request)).status).toBe(status);
  });

  test('a head beyond the cap is refused before it is kept', async () => {
    const text = await exchange(`GET /hello HTTP/1.1\r\nHost: d\r\nX: ${'x'.repeat(limits.headBytes)}`);
    expect(splitAnswer(text).status).toBe(431);
  });

  test('a JSON body beyond the cap is refused', async () => {
    using client = await RawClient.connect(path);
    client.send(`POST /echo HTTP/1.1\r\nHost: d\r\nContent-Length: ${limits.jsonBodyBytes + 1}\r\n\r\n`);
    client.send(Buffer.alloc(limits.jsonBodyBytes + 1));
    expect(splitAnswer(await client.until('\r\n\r\n')).status).toBe(413);
  });

  test('a body that breaks off is refused', async () => {
    using client = await RawClient.connect(path);
    client.send('POST /echo HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\nab');
    client.halfClose();
    expect(splitAnswer(await client.untilEnd()).status).toBe(400);
  });

  test('an error of the engine has its status, its message and its hint', async () => {
    const { status, body } = splitAnswer(await exchange(`GET /conflict HTTP/1.1\r\n${closing}\r\n`));
    expect([status, body]).toEqual([409, '{"message":"no","hint":"try later"}\n']);
  });

  test('a fault of the program is a 500 and the server goes on', async () => {
    expect(splitAnswer(await exchange(`GET /bug HTTP/1.1\r\n${closing}\r\n`)).status).toBe(500);
    expect(splitAnswer(await exchange(`GET /hello HTTP/1.1\r\n${closing}\r\n`)).status).toBe(200);
  });
});

describe('streams', () => {
  test('headers and the first line arrive before the stream goes on, and its client’s end aborts it', async () => {
    using client = await RawClient.connect(path);
    client.send('GET /lines HTTP/1.1\r\nHost: d\r\n\r\n');
    expect(await client.until('{"line":1}\n')).toContain('Transfer-Encoding: chunked');
    client.halfClose();
    await client.untilEnd();
    expect(seen.aborted).toContain('/lines');
  });

  test('a failure before the first line is an ordinary failure', async () => {
    const { status, body } = splitAnswer(await exchange(`GET /early-failure HTTP/1.1\r\n${closing}\r\n`));
    expect([status, body]).toEqual([404, '{"message":"it is gone"}\n']);
  });

  test('a failure after the first line is a line', async () => {
    const text = await exchange(`GET /late-failure HTTP/1.1\r\n${closing}\r\n`);
    expect(text).toContain('{"error":"it is gone"}\n');
    expect(text).toEndWith('0\r\n\r\n');
  });

  test('a stream that cannot say its failure breaks off without its last chunk', async () => {
    expect(await exchange('GET /cut HTTP/1.1\r\nHost: d\r\n\r\n')).not.toContain('0\r\n\r\n');
  });

  test('a client that does not read stops the writer', async () => {
    using client = await RawClient.connect(path);
    seen.written = 0;
    client.pause();
    client.send(`GET /flood HTTP/1.1\r\n${closing}\r\n`);
    let before = -1;
    while (seen.written !== before || before === 0) {
      before = seen.written;
      await Bun.sleep(50);
    }
    expect(seen.written).toBeLessThan(16 * 2 ** 20);
    client.resume();
    await client.end();
    expect(client.bytesReceived).toBeGreaterThan(64 * 2 ** 20);
  });

  test('an upload is read as it comes, megabytes of it', async () => {
    using client = await RawClient.connect(path);
    const bytes = 32 * 2 ** 20;
    client.send(`POST /count HTTP/1.1\r\n${closing}Content-Length: ${bytes}\r\n\r\n`);
    client.send(Buffer.alloc(bytes));
    expect(splitAnswer(await client.untilEnd()).body).toBe(`{"bytes":${bytes}}\n`);
  });
});

describe('hijacked connections', () => {
  test.each([
    ['with an upgrade', 'Connection: Upgrade\r\nUpgrade: tcp\r\n', 'HTTP/1.1 101 UPGRADED\r\n'],
    ['without one, as old clients do', '', 'HTTP/1.1 200 OK\r\n'],
  ])('%s carry bytes both ways and close one side at a time', async (_how, headers, statusLine) => {
    using client = await RawClient.connect(path);
    client.send(`POST /hijack HTTP/1.1\r\nHost: d\r\n${headers}\r\n`);
    expect(await client.until('\r\n\r\n')).toStartWith(statusLine);
    client.send('one');
    await client.until('echo:one');
    client.send('two');
    await client.until('echo:two');
    client.halfClose();
    expect(await client.untilEnd()).toEndWith('echo:twobye');
  });

  test('bytes and the end that came with the request are not lost', async () => {
    using client = await RawClient.connect(path);
    client.send('POST /hijack HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly');
    client.halfClose();
    expect(await client.untilEnd()).toEndWith('echo:earlybye');
  });

  test('a server that ends first closes the connection once the client ends too', async () => {
    using client = await RawClient.connect(path);
    client.send('POST /server-ends HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nunread');
    expect(await client.untilEnd()).toEndWith('\r\n\r\ndone');
    client.halfClose();
  });
});

describe('the socket', () => {
  test('is for its owner and group only', () => {
    expect(statSync(path).mode & 0o777).toBe(0o660);
  });

  test('a second daemon on the same path is refused, and the first goes on', async () => {
    await expect(listen(deps, { kind: 'unix', path }, { group: 'x', serves: 'API' })).rejects.toThrow(
      'another daemon listens there',
    );
    expect(splitAnswer(await exchange(`GET /hello HTTP/1.1\r\n${closing}\r\n`)).status).toBe(200);
  });

  test('what a killed daemon left is replaced; a file that is no socket is not', async () => {
    const stale = join(directory, 'stale.sock');
    const child = Bun.spawn([
      process.execPath,
      '-e',
      `require('net').createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    await child.exited;
    expect(existsSync(stale)).toBe(true);
    const again = await listen(deps, { kind: 'unix', path: stale }, { group: 'x', serves: 'API' });
    await again[Symbol.asyncDispose]();
    expect(existsSync(stale)).toBe(false);
    const file = join(directory, 'precious');
    writeFileSync(file, 'kept');
    await expect(listen(deps, { kind: 'unix', path: file }, { group: 'x', serves: 'API' })).rejects.toThrow(
      'a file that is no socket',
    );
    rmSync(file);
  });

  test('TCP is served the same way', async () => {
    await using tcp = await listen(deps, { kind: 'tcp', host: '127.0.0.1', port: 0 }, { group: 'x', serves: 'API' });
    const reply = await fetch(`${tcp.address.replace('tcp:', 'http:')}/hello?who=tcp`);
    expect(await reply.json()).toEqual({ hello: 'tcp' });
  });
});
