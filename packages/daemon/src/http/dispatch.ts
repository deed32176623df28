import {
  adaptReply,
  adaptRequest,
  checkVersion,
  type Json,
  matchRoute,
  none,
  parseJson,
  type Route,
  type RouteName,
  splitVersion,
  stream,
} from '@gantry/api';
import { EngineError } from '@gantry/base';
import type { Answer } from './answer.ts';
import type { Body } from './body.ts';
import type { Call, Handlers } from './call.ts';
import type { RequestHead } from './request-head.ts';

/** A request off the wire: its head is parsed, its body is not read yet. */
export type ApiRequest = { readonly head: RequestHead; readonly body: Body; readonly signal: AbortSignal };

/** An answer, and how its documents are printed for this client. */
export type Dispatched = {
  readonly answer: Answer<unknown>;
  readonly status: number;
  readonly print: (document: unknown) => Json;
  /** The answer only follows what happens, and goes on when the engine is another one. */
  readonly follows: boolean;
};

/**
 * Finds the row, parses the request by it, and asks its handler.
 *
 * @param took told how long the handler needed, when it did not fail
 * @throws EngineError for a request that no row fits or that its codecs refuse
 */
export async function dispatch(
  handlers: Handlers,
  request: ApiRequest,
  took: (name: RouteName, ms: number) => void,
): Promise<Dispatched> {
  const { head, body, signal } = request;
  const { version, path } = splitVersion(head.path);
  checkVersion(version);
  const match = matchRoute(head.method, path);
  if (match.kind === 'unknown') throw new EngineError('not-found', 'page not found');
  if (match.kind === 'unserved') {
    throw new EngineError(
      'unsupported',
      `cannot serve ${head.method} ${path}: this engine does not support ${match.what} yet`,
    );
  }
  const { name, route } = match;
  const lifted = adaptRequest(name, version, { query: wireQuery(head), body: await jsonBody(route, head, body) });
  const call: Call = {
    parameters: match.parameters,
    query: route.query.parse(lifted.query, ''),
    body: route.body.parse(lifted.body, ''),
    archive: route.body === stream ? body.stream() : noBytes,
    headers: head.headers,
    version,
    isUpgrade: head.upgrade !== undefined,
    signal,
  };
  const handle = handlerOf(handlers, name);
  const startedAt = performance.now();
  const answer = await handle(call);
  took(name, performance.now() - startedAt);
  const print = (document: unknown): Json => adaptReply(name, version, route.reply.print(document));
  return { answer, status: route.status, print, follows: following.has(name) };
}

const following: ReadonlySet<RouteName> = new Set([
  'containerAttach',
  'containerLogs',
  'containerStats',
  'containerWait',
  'events',
  'execStart',
]);

// The table pairs each row with a handler of its own types; TypeScript cannot follow a pair through a variable name.
function handlerOf(
  handlers: Handlers,
  name: keyof Handlers,
): (call: Call) => Answer<unknown> | Promise<Answer<unknown>> {
  return handlers[name] as (call: Call) => Answer<unknown> | Promise<Answer<unknown>>;
}

const noBytes: AsyncIterable<Uint8Array> = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
};

/** A parameter given once is a text, given more often a list; the row's codecs know which of them they want. */
function wireQuery(head: RequestHead): Record<string, Json> {
  const names = new Set(head.query.keys());
  return Object.fromEntries([...names].map((name) => [name, oneOrMany(head.query.getAll(name))]));
}

function oneOrMany(values: readonly string[]): Json {
  return values.length === 1 ? (values[0] ?? '') : values;
}

async function jsonBody(route: Route, head: RequestHead, body: Body): Promise<Json | undefined> {
  if (route.body === none || route.body === stream) return undefined;
  const type = head.headers.get('content-type');
  if (body.isEmpty && type === undefined) return undefined;
  checkContentType(type ?? '');
  const content = await body.text();
  // Docker takes an empty body for an empty document everywhere but where everything depends on it.
  if (content.trim() === '' && route.path !== '/containers/create') return undefined;
  return parseJson(content);
}

function checkContentType(type: string): void {
  const media = type.split(';')[0]?.trim().toLowerCase();
  if (media === 'application/json') return;
  if (type === '') throw new EngineError('invalid', 'malformed Content-Type header (): mime: no media type');
  throw new EngineError('invalid', `unsupported Content-Type header (${type}): must be 'application/json'`);
}
