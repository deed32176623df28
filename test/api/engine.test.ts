import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject, type Json } from '@gantry/api';
import { busyboxRootTar } from '../harness/busybox-image.ts';
import { runCommand } from '../harness/command.ts';
import { gantryProgram, startEngine, type TestEngine } from '../harness/engine.ts';
import { RawClient, splitAnswer } from './raw-client.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
}, 60_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
}, 60_000);

const socketPath = (): string => engine.host.replace('unix://', '');

async function json(method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> {
  const reply = await engine.api(method, path, body);
  const text = await reply.text();
  return { status: reply.status, body: text === '' ? null : (JSON.parse(text) as Json) };
}

async function create(config: Readonly<Record<string, unknown>>): Promise<string> {
  const { status, body } = await json('POST', '/containers/create', {
    Image: 'busybox',
    HostConfig: { NetworkMode: 'none' },
    ...config,
  });
  if (status !== 201 || !isJsonObject(body)) throw new Error(JSON.stringify(body));
  return String(body.Id);
}

async function start(id: string): Promise<void> {
  expect((await engine.api('POST', `/containers/${id}/start`)).status).toBe(204);
}

async function remove(id: string): Promise<void> {
  expect((await engine.api('DELETE', `/containers/${id}?force=1&v=1`)).status).toBe(204);
}

const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';

/** Docker's frame: stream, three zeros, big-endian length. */
function frame(stream: 1 | 2, text: string): string {
  return `${String.fromCharCode(stream, 0, 0, 0, 0, 0, 0, text.length)}${text}`;
}

/** What frames carry, whichever way the writes were cut into frames. */
function payloadOf(framed: string): string {
  let payload = '';
  for (let rest = Buffer.from(framed, 'latin1'); rest.length >= 8; ) {
    const end = 8 + rest.readUInt32BE(4);
    payload += rest.toString('latin1', 8, end);
    rest = rest.subarray(end);
  }
  return payload;
}

describe('attach', () => {
  test('joined before the start it loses no byte, and half-closed stdin ends the command', async () => {
    const id = await create({ Cmd: ['cat'], OpenStdin: true, StdinOnce: true, AttachStdin: true });
    using client = await RawClient.connect(socketPath());
    client.send(
      `POST /containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: d\r\n${upgrade}\r\nearly `,
    );
    const head = await client.until('\r\n\r\n');
    expect(head).toStartWith('HTTP/1.1 101 UPGRADED\r\n');
    expect(head).toContain('Content-Type: application/vnd.docker.multiplexed-stream\r\n');
    await start(id);
    client.send('late');
    client.halfClose();
    const output = splitAnswer(await client.untilEnd()).body;
    expect(payloadOf(output)).toBe('early late');
    expect((await json('POST', `/containers/${id}/wait`)).body).toEqual({ StatusCode: 0 });
    await remove(id);
  });

  test.each([
    ['framed for those who switch', '/v1.51', upgrade, 'HTTP/1.1 101 UPGRADED', 'multiplexed-stream'],
    ['by the old name for clients before 1.42', '/v1.41', upgrade, 'HTTP/1.1 101 UPGRADED', 'raw-stream'],
    ['by the old name without a switch', '', '', 'HTTP/1.1 200 OK', 'raw-stream'],
  ])('the stream is called %s', async (_who, prefix, ...[headers, statusLine, name]) => {
    const id = await create({ Cmd: ['sh', '-c', 'echo out; sleep 0.1; echo err >&2'] });
    using client = await RawClient.connect(socketPath());
    client.send(
      `POST ${prefix}/containers/${id}/attach?stream=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: d\r\n${headers}\r\n`,
    );
    const head = await client.until('\r\n\r\n');
    expect(head).toStartWith(statusLine);
    expect(head).toContain(`Content-Type: application/vnd.docker.${name}\r\n`);
    await start(id);
    expect(splitAnswer(await client.untilEnd()).body).toBe(frame(1, 'out\n') + frame(2, 'err\n'));
    await remove(id);
  });

  test('a terminal is raw, and a resize reaches it', async () => {
    const id = await create({ Cmd: ['sh', '-c', 'read x; stty size'], Tty: true, OpenStdin: true });
    using client = await RawClient.connect(socketPath());
    client.send(`POST /containers/${id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\n${upgrade}\r\n`);
    expect(await client.until('\r\n\r\n')).toContain('application/vnd.docker.raw-stream');
    await start(id);
    expect((await engine.api('POST', `/containers/${id}/resize?h=33&w=77`)).status).toBe(200);
    client.send('\n');
    expect(await client.untilEnd()).toContain('33 77\r\n');
    await remove(id);
  });
});

describe('wait', () => {
  test('its headers come at once and its answer at the end', async () => {
    const id = await create({ Cmd: ['sh', '-c', 'read x; exit 7'], OpenStdin: true });
    using waiting = await RawClient.connect(socketPath());
    waiting.send(`POST /containers/${id}/wait?condition=next-exit HTTP/1.1\r\nHost: d\r\n\r\n`);
    expect(await waiting.until('\r\n\r\n')).toStartWith('HTTP/1.1 200 OK\r\n');
    await start(id);
    expect(splitAnswer(waiting.text).body).toBe('');
    await engine.api('POST', `/containers/${id}/kill?signal=TERM`);
    await engine.api('POST', `/containers/${id}/kill`);
    expect(await waiting.until('StatusCode')).toContain('{"StatusCode":137}\n');
    await remove(id);
  });

  test('a removal ends the wait for it, with the exit code', async () => {
    const id = await create({ Cmd: ['sh', '-c', 'exit 3'], HostConfig: { AutoRemove: true, NetworkMode: 'none' } });
    using waiting = await RawClient.connect(socketPath());
    waiting.send(`POST /containers/${id}/wait?condition=removed HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n`);
    await waiting.until('\r\n\r\n');
    await start(id);
    expect(await waiting.untilEnd()).toContain('{"StatusCode":3}');
    expect((await json('GET', `/containers/${id}/json`)).status).toBe(404);
  });
});

describe('logs', () => {
  test('history is framed, and its bounds are kept', async () => {
    const id = await create({ Cmd: ['sh', '-c', 'echo one; echo two; sleep 0.1; echo three >&2'] });
    await start(id);
    await json('POST', `/containers/${id}/wait`);
    const read = async (query: string): Promise<string> => {
      const reply = await engine.api('GET', `/containers/${id}/logs?${query}`);
      expect(reply.headers.get('content-type')).toBe('application/vnd.docker.multiplexed-stream');
      return Buffer.from(await reply.arrayBuffer()).toString('latin1');
    };
    expect(await read('stdout=1&stderr=1')).toBe(frame(1, 'one\n') + frame(1, 'two\n') + frame(2, 'three\n'));
    // Docker counts the lines of both streams, then leaves out those that nobody asked for.
    expect(await read('stdout=1&tail=2')).toBe(frame(1, 'two\n'));
    expect(await read('stdout=1&stderr=1&tail=all&until=1')).toBe('');
    expect(await read('stdout=1&timestamps=1&tail=2')).toMatch(/\d{4}-\d\d-\d\dT[\d:.]+Z two\n$/);
    await remove(id);
  });

  test('following ends with the container, and with its reader', async () => {
    const id = await create({ Cmd: ['sh', '-c', 'echo up; read x; echo down'], OpenStdin: true });
    await start(id);
    using reader = await RawClient.connect(socketPath());
    reader.send(`GET /containers/${id}/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: d\r\n\r\n`);
    await reader.until('up\n');
    using leaver = await RawClient.connect(socketPath());
    leaver.send(`GET /containers/${id}/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: d\r\n\r\n`);
    await leaver.until('up\n');
    leaver.halfClose();
    await leaver.untilEnd();
    await engine.api('POST', `/containers/${id}/kill`);
    expect(await reader.until('0\r\n\r\n')).toContain('up\n');
    await remove(id);
  });
});

describe('exec', () => {
  test('runs over a hijacked connection, and its exit code is kept', async () => {
    const id = await create({ Cmd: ['sleep', '1000'] });
    await start(id);
    const { body } = await json('POST', `/containers/${id}/exec`, {
      Cmd: ['sh', '-c', 'cat; echo err >&2; exit 5'],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    });
    const execId = isJsonObject(body) ? String(body.Id) : '';
    using client = await RawClient.connect(socketPath());
    client.send(
      `POST /exec/${execId}/start HTTP/1.1\r\nHost: d\r\n${upgrade}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    );
    expect(await client.until('\r\n\r\n')).toStartWith('HTTP/1.1 101 UPGRADED\r\n');
    client.send('hello');
    client.halfClose();
    expect(splitAnswer(await client.untilEnd()).body).toBe(frame(1, 'hello') + frame(2, 'err\n'));
    expect((await json('GET', `/exec/${execId}/json`)).body).toMatchObject({ Running: false, ExitCode: 5 });
    expect(await json('POST', `/exec/${execId}/start`, { Detach: true })).toEqual({
      status: 409,
      body: { message: `exec command ${execId} has already run` },
    });
    await remove(id);
  });

  test('a command that is not there says so on the stream', async () => {
    const id = await create({ Cmd: ['sleep', '1000'] });
    await start(id);
    const result = await engine.run('docker', ['exec', id, 'nope']);
    expect(result.stdout + result.stderr).toContain('executable file not found in $PATH');
    expect(result.exitCode).toBe(127);
    await remove(id);
  });
});

describe('stats', () => {
  test('one document has the sample before it, a one-shot has none, a stopped container has zeros', async () => {
    const id = await create({ Cmd: ['sleep', '1000'] });
    expect((await json('GET', `/containers/${id}/stats?stream=false`)).body).toMatchObject({
      read: '0001-01-01T00:00:00Z',
      pids_stats: {},
    });
    await start(id);
    const { body } = await json('GET', `/containers/${id}/stats?stream=false`);
    expect(isJsonObject(body) && body.preread !== '0001-01-01T00:00:00Z').toBe(true);
    expect(body).toMatchObject({ id, pids_stats: { current: 1 } });
    const once = await json('GET', `/containers/${id}/stats?stream=false&one-shot=1`);
    expect(once.body).toMatchObject({ preread: '0001-01-01T00:00:00Z' });
    await remove(id);
  });

  test('a stream goes on until its container is removed', async () => {
    const id = await create({ Cmd: ['sleep', '1000'] });
    await start(id);
    using reader = await RawClient.connect(socketPath());
    reader.send(`GET /containers/${id}/stats HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n`);
    await reader.until('"preread"', 2);
    await remove(id);
    expect(await reader.untilEnd()).toEndWith('0\r\n\r\n');
  }, 20_000);
});

describe('events', () => {
  test('past ones and live ones come as lines, filtered', async () => {
    using watcher = await RawClient.connect(socketPath());
    const filters = encodeURIComponent(JSON.stringify({ type: ['volume'] }));
    watcher.send(`GET /events?filters=${filters} HTTP/1.1\r\nHost: d\r\n\r\n`);
    await watcher.until('\r\n\r\n');
    await json('POST', '/volumes/create', { Name: 'watched', Labels: { a: 'b' } });
    await watcher.until('"Action":"create"');
    expect((await engine.api('DELETE', '/volumes/watched')).status).toBe(204);
    expect(await watcher.until('"Action":"destroy"')).toContain('"Actor":{"ID":"watched"');
    const past = await (
      await engine.api('GET', `/events?since=1&until=${Date.now() / 1000 + 1}&filters=${filters}`)
    ).text();
    const lines = past
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { Action: string });
    expect(lines.map(({ Action }) => Action)).toEqual(['create', 'destroy']);
    expect(past).toMatch(/"timeNano":\d{19}}/);
  });

  test('an impossible span is refused', async () => {
    expect(await json('GET', '/events?since=5&until=1')).toEqual({
      status: 400,
      body: { message: '`since` time cannot be after `until` time' },
    });
  });
});

describe('archives', () => {
  test('an import takes a chunked body; what is no archive is an error inside the stream', async () => {
    const tar = Bun.file(await busyboxRootTar());
    const reply = await fetch(
      'http://engine/images/create?fromSrc=-&repo=streamed&tag=1&changes=CMD%20%5B%22true%22%5D',
      {
        unix: socketPath(),
        method: 'POST',
        body: tar.stream(),
      },
    );
    expect(await reply.text()).toMatch(/^\{"status":"sha256:[0-9a-f]{64}"\}\n$/);
    expect((await json('GET', '/images/streamed:1/json')).body).toMatchObject({
      RepoTags: ['streamed:1'],
      Config: { Cmd: ['true'] },
    });
    expect((await engine.api('DELETE', '/images/streamed:1')).status).toBe(200);

    const bad = await fetch('http://engine/images/load', { unix: socketPath(), method: 'POST', body: 'no archive' });
    expect([bad.status, await bad.text()]).toEqual([200, expect.stringMatching(/^\{"errorDetail":\{"message":".+/)]);
  });
});

describe('refusals are Docker’s', () => {
  test.each([
    ['GET', '/containers/nope/json', 404, 'No such container: nope'],
    ['POST', '/containers/nope/start', 404, 'No such container: nope'],
    ['GET', '/images/nope/json', 404, 'No such image: nope:latest'],
    ['GET', '/networks/nope', 404, 'network nope not found'],
    ['GET', '/volumes/nope', 404, 'get nope: no such volume'],
    ['GET', '/exec/nope/json', 404, 'No such exec instance: nope'],
    ['GET', '/nope', 404, 'page not found'],
    ['PUT', '/containers/json', 404, 'page not found'],
    ['GET', '/v1.99/info', 400, 'client version 1.99 is too new. Maximum supported API version is 1.51'],
    ['GET', '/containers/json?filters=x', 400, 'invalid filter'],
    ['GET', '/containers/json?filters=%7B%22nope%22%3A%5B%22a%22%5D%7D', 400, "invalid filter 'nope'"],
    ['GET', '/images/json?filters=%7B%22nope%22%3A%5B%22a%22%5D%7D', 400, "invalid filter 'nope'"],
    ['DELETE', '/networks/none', 403, 'none is a pre-defined network and cannot be removed'],
    ['POST', '/build', 501, 'cannot serve POST /build: this engine does not support building images yet'],
    ['GET', '/swarm', 501, 'cannot serve GET /swarm: this engine does not support swarm mode yet'],
  ])('%s %s: %d %s', async (method, path, ...[status, message]) => {
    const reply = await json(method, path);
    expect([reply.status, isJsonObject(reply.body) && reply.body.message]).toEqual([status, message]);
  });

  test.each([
    [{}, 400, 'config cannot be empty in order to create a container'],
    [{ Image: 5 }, 400, 'Image: expected a string, got 5'],
    [{ Image: 'nope:1', Cmd: ['sh'] }, 404, 'No such image: nope:1'],
  ])('creating %j: %d %s', async (body, status, message) => {
    const reply = await json('POST', '/containers/create', body);
    expect([reply.status, isJsonObject(reply.body) && reply.body.message]).toEqual([status, message]);
  });

  test('a body of another type, a cut-off one, and none', async () => {
    const post = async (body: string, type: string): Promise<string> => {
      const reply = await fetch('http://engine/containers/create', {
        unix: socketPath(),
        method: 'POST',
        body,
        headers: { 'content-type': type },
      });
      return reply.text();
    };
    expect(await post('x', 'text/plain')).toContain(
      "unsupported Content-Type header (text/plain): must be 'application/json'",
    );
    expect(await post('{"Image":', 'application/json')).toContain('invalid JSON: unexpected EOF');
    expect(await post('', 'application/json')).toContain('invalid JSON: got EOF while reading request body');
  });

  test('a paused container is not attached to, a stopped one not resized, a running one not removed', async () => {
    const id = await create({ Cmd: ['sleep', '1000'] });
    expect((await json('POST', `/containers/${id}/resize?h=1&w=1`)).status).toBe(409);
    expect((await json('POST', `/containers/${id}/resize?h=a&w=1`)).body).toEqual({
      message: 'invalid resize height "a": invalid syntax',
    });
    await start(id);
    expect((await engine.api('POST', `/containers/${id}/start`)).status).toBe(304);
    expect((await json('DELETE', `/containers/${id}`)).status).toBe(409);
    expect((await engine.api('POST', `/containers/${id}/pause`)).status).toBe(204);
    expect(await json('POST', `/containers/${id}/attach?stream=1`)).toEqual({
      status: 409,
      body: { message: `container ${id} is paused, unpause the container before attach` },
    });
    expect((await engine.api('POST', `/containers/${id}/unpause`)).status).toBe(204);
    await remove(id);
  });
});

describe('old clients', () => {
  test('of 1.24 are served, and told what they knew', async () => {
    const { body } = await json('GET', '/v1.24/images/json');
    expect(Array.isArray(body) && isJsonObject(body[0]) && body[0].VirtualSize === body[0].Size).toBe(true);
  });

  test('before 1.24 are refused in plain text', async () => {
    const reply = await engine.api('GET', '/v1.20/info');
    expect([reply.status, reply.headers.get('content-type')]).toEqual([400, 'text/plain; charset=utf-8']);
    expect(await reply.text()).toStartWith('client version 1.20 is too old.');
  });

  test('everyone is told the version, and a ping how to go on', async () => {
    const reply = await engine.api('HEAD', '/_ping');
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'api-version': '1.51',
      ostype: 'linux',
      'docker-experimental': 'false',
      swarm: 'inactive',
      'cache-control': 'no-cache, no-store, must-revalidate',
    });
  });
});

describe('the daemon', () => {
  test('a second one on the same root is refused in one line that says what to do', async () => {
    const second = await runCommand([
      ...[gantryProgram, 'daemon', '--data-root', engine.dataRoot, '--exec-root', engine.execRoot],
      ...['--host', `unix://${join(engine.root, 'second.sock')}`, '--pidfile', join(engine.root, 'second.pid')],
    ]);
    expect(second.exitCode).toBe(1);
    expect(second.stderr).toBe(
      `gantry daemon: cannot open data root "${engine.dataRoot}": the daemon with PID ${engine.pid()} is using it\nstop that daemon, take over from it with --takeover, or give this one its own --data-root\n`,
    );
    expect(existsSync(join(engine.root, 'second.sock'))).toBe(false);
    expect((await engine.api('GET', '/_ping')).status).toBe(200);
  });

  test('a signal ends it in order, and its containers go on without it', async () => {
    const id = await create({ Cmd: ['sleep', '1000'] });
    await start(id);
    const pidfile = join(engine.root, 'gantry.pid');
    expect(readFileSync(pidfile, 'utf8')).toBe(String(engine.pid()));
    await engine.stop();
    expect([existsSync(pidfile), existsSync(socketPath())]).toEqual([false, false]);
    await engine.start();
    expect((await json('GET', `/containers/${id}/json`)).body).toMatchObject({ State: { Running: true } });
    await remove(id);
  }, 20_000);

  test('wrong flags and files are named', async () => {
    const flag = await runCommand([gantryProgram, 'daemon', '--nope']);
    expect([flag.exitCode, flag.stderr]).toEqual([125, 'gantry daemon: unknown flag: --nope\n']);
    const file = await runCommand([gantryProgram, 'daemon', '--config-file', '/nonexistent.json']);
    expect(file.stderr).toStartWith(
      'gantry daemon: unable to configure the Docker daemon with file /nonexistent.json: ',
    );
  });
});
