import type { Socket } from 'node:net';
import { formatJson, isOlder, type Json, minApiVersion, splitVersion } from '@gantry/api';
import { EngineError, isEngineError, messageOf } from '@gantry/base';
import type { Log } from '../log.ts';
import type { Requests } from '../metrics/requests.ts';
import type { Answer } from './answer.ts';
import { Body } from './body.ts';
import type { ApiRequest, Dispatched } from './dispatch.ts';
import { endHijacked, hijack } from './hijack.ts';
import { failureDocument, HttpError, statusOfError } from './http-error.ts';
import { Incoming } from './incoming.ts';
import { type CommonHeaders, Outgoing } from './outgoing.ts';
import { passOn } from './pass-on.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';
import type { Turnstile } from './turnstile.ts';

export type ServeDeps = {
  /** Answers one request; what it throws becomes the answer of a failure. */
  readonly answer: (request: ApiRequest) => Promise<Dispatched>;
  readonly common: CommonHeaders;
  readonly log: Log;
  readonly requests: Pick<Requests, 'begin'>;
  readonly turnstile: Turnstile;
};

/** Serves the requests of one connection, one after another, until either side has enough. Never throws. */
export async function serveConnection(deps: ServeDeps, socket: Socket): Promise<void> {
  const incoming = new Incoming(socket);
  socket.on('error', () => undefined); // a broken connection ends in `close`, which is where it is handled
  let next: 'request' | 'end' | 'hijacked' = 'request';
  while (next === 'request') next = await serveRequest(deps, socket, incoming);
  if (next === 'end') socket.end(() => socket.destroy());
}

function clientGone(): EngineError {
  return new EngineError('cancelled', 'the client went away');
}

async function serveRequest(
  deps: ServeDeps,
  socket: Socket,
  incoming: Incoming,
): Promise<'request' | 'end' | 'hijacked'> {
  const next = await nextHead(deps, socket, incoming);
  if (next === undefined) return 'end';
  const waiting = deps.turnstile.closed;
  // Open, it must not cost a turn: between this and the note below nothing may come.
  const elsewhere = waiting === undefined ? undefined : await waiting;
  if (elsewhere !== undefined) {
    await passOn({ socket, incoming, head: next.text }, elsewhere);
    return 'hijacked';
  }
  const { head } = next;
  const outgoing = new Outgoing(socket, head, deps.common);
  const body = new Body(incoming, head.body, () => {
    if (head.expectsContinue && !outgoing.begun) void outgoing.continue();
  });
  const gone = new AbortController();
  incoming.onEnd = () => gone.abort(clientGone());
  if (incoming.ended) gone.abort(clientGone());
  const startedAt = performance.now();
  const request = deps.requests.begin(head);
  try {
    const dispatched = await answerOf(deps, { head, body, signal: gone.signal });
    if (dispatched.answer.kind === 'hijack') {
      await serveHijacked(deps, { socket, incoming, outgoing, head, begun: request.follows }, dispatched.answer);
      request.ended(outgoing.status);
      return 'hijacked';
    }
    if (dispatched.follows) request.follows();
    await send(outgoing, dispatched);
  } catch (error) {
    await refuse(deps, { outgoing, head }, error);
  }
  incoming.onEnd = undefined;
  request.ended(outgoing.status);
  deps.log.debug('request', {
    method: head.method,
    path: head.path,
    status: outgoing.status,
    ms: Math.round(performance.now() - startedAt),
  });
  const reusable = outgoing.keepAlive && outgoing.isOpen && (await finishBody(body));
  return reusable ? 'request' : 'end';
}

async function answerOf(deps: ServeDeps, request: ApiRequest): Promise<Dispatched> {
  if (request.head.method !== 'OPTIONS') return await deps.answer(request);
  return { answer: { kind: 'nothing', status: 200 }, status: 200, print: () => null, follows: false };
}

async function finishBody(body: Body): Promise<boolean> {
  try {
    return await body.finish();
  } catch {
    return false; // the client broke off its own body: nothing can follow on this connection
  }
}

/** The next request's head, with its text as it came; undefined when there will be none, or it was refused. */
async function nextHead(
  deps: ServeDeps,
  socket: Socket,
  incoming: Incoming,
): Promise<{ readonly head: RequestHead; readonly text: string } | undefined> {
  const retire = (): void => void socket.destroy();
  try {
    // Between two requests nothing is lost with a connection.
    deps.turnstile.retired.addEventListener('abort', retire);
    const text = await incoming.readHead();
    return text === undefined ? undefined : { head: parseRequestHead(text), text };
  } catch (error) {
    const outgoing = new Outgoing(socket, { method: 'GET', httpMinor: 1, keepAlive: false }, deps.common);
    await outgoing.whole({
      status: statusOfError(error),
      contentType: 'text/plain; charset=utf-8',
      body: `${messageOf(error)}\n`,
    });
    return undefined;
  } finally {
    deps.turnstile.retired.removeEventListener('abort', retire);
  }
}

async function refuse(
  deps: ServeDeps,
  request: { outgoing: Outgoing; head: RequestHead },
  error: unknown,
): Promise<void> {
  const { outgoing, head } = request;
  const status = statusOfError(error);
  if (!isEngineError(error) && !(error instanceof HttpError)) {
    deps.log.error('request failed', { method: head.method, path: head.path, error: stackOf(error) });
  }
  if (error instanceof HttpError) outgoing.keepAlive = false;
  const failure = failureDocument(error);
  if (!outgoing.begun) {
    // Clients of versions that are no longer spoken read plain text only.
    if (!isOlder(splitVersion(head.path).version, minApiVersion)) return await outgoing.json(status, failure);
    return await outgoing.whole({ status, contentType: 'text/plain; charset=utf-8', body: `${failure.message}\n` });
  }
  // The status is out. A chunked answer without its last chunk is how a client learns that it is not whole.
  outgoing.keepAlive = false;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function send(outgoing: Outgoing, { answer, status, print }: Dispatched): Promise<void> {
  if (answer.kind === 'document') return await outgoing.json(answer.status ?? status, print(answer.value));
  if (answer.kind === 'nothing') {
    return await outgoing.whole({ status: answer.status ?? status, contentType: '', body: '' });
  }
  if (answer.kind === 'text') {
    const contentType = 'text/plain; charset=utf-8';
    return await outgoing.whole({ status, contentType, body: answer.body, headers: answer.headers });
  }
  if (answer.kind === 'lines') return await sendLines(outgoing, answer, print);
  if (answer.kind === 'bytes') return await sendBytes(outgoing, answer);
  throw new Error(`unreachable: an answer of kind ${answer.kind}`);
}

async function sendBytes(
  outgoing: Outgoing,
  { contentType, chunks, headers }: Extract<Answer<unknown>, { kind: 'bytes' }>,
): Promise<void> {
  await outgoing.begin(200, contentType, headers);
  for await (const chunk of chunks) {
    await outgoing.chunk(chunk);
    if (!outgoing.isOpen) return;
  }
  await outgoing.end();
}

async function sendLines(
  outgoing: Outgoing,
  answer: Extract<Answer<unknown>, { kind: 'lines' }>,
  print: (document: unknown) => Json,
): Promise<void> {
  const line = (document: unknown): Uint8Array => Buffer.from(`${formatJson(print(document))}\n`);
  if (answer.headers === 'now') await outgoing.begin(200, 'application/json');
  try {
    for await (const document of answer.lines) {
      if (!outgoing.begun) await outgoing.begin(200, 'application/json');
      await outgoing.chunk(line(document));
      if (!outgoing.isOpen) return;
    }
  } catch (error) {
    if (!outgoing.begun || answer.failure === undefined) throw error;
    await outgoing.chunk(line(answer.failure(failureDocument(error))));
  }
  if (!outgoing.begun) await outgoing.begin(200, 'application/json');
  await outgoing.end();
}

async function serveHijacked(
  deps: ServeDeps,
  connection: { socket: Socket; incoming: Incoming; outgoing: Outgoing; head: RequestHead; begun: () => void },
  answer: Extract<Answer<unknown>, { kind: 'hijack' }>,
): Promise<void> {
  const { socket, incoming, outgoing, head, begun } = connection;
  await outgoing.switch(head.upgrade, answer.contentType);
  const client = hijack(socket, incoming);
  try {
    const running = answer.run(client);
    begun();
    await running;
  } catch (error) {
    // The handler has told the client what went wrong; only a fault of the program is news to whoever reads the log.
    const level = isEngineError(error) || client.destroyed ? 'debug' : 'error';
    deps.log[level]('stream failed', { path: head.path, error: messageOf(error) });
  }
  endHijacked(client);
}
