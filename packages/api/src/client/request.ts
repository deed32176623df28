import { EngineError, type ErrorCode } from '@gantry/base';
import { none } from '../codec/codec.ts';
import { formatJson, isJsonObject, type Json, parseJson } from '../codec/json.ts';
import { type Route, stream } from '../routes/route.ts';

/** A request as a transport sends it. `body` undefined: none, or the caller streams an archive. */
export type ApiRequest = {
  readonly method: string;
  /** Version prefix, path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
};

export type RequestParts<Query, Body> = {
  /** Values of the `{…}` in the path. */
  readonly path?: Readonly<Record<string, string>>;
  /** Left out: nothing is asked. */
  readonly query?: Partial<Query>;
  readonly body?: Body;
  /** More headers than the row asks for: `X-Registry-Auth`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `1.51`; left out: no prefix. */
  readonly version?: string;
};

/** Prints a request by its row. */
export function requestOf<Q, B, R>(route: Route<Q, B, R>, parts: RequestParts<Q, B> = {}): ApiRequest {
  const prefix = parts.version === undefined ? '' : `/v${parts.version}`;
  const path = route.path.replace(/\{(\w+)\}/g, (_all, name: string) => pathSegment(name, parts.path?.[name]));
  const query = queryString(route.query.print({ ...route.query.zero, ...parts.query }));
  const headers: Record<string, string> = { ...parts.headers };
  let body: string | undefined;
  if (parts.body !== undefined) {
    body = formatJson(route.body.print(parts.body));
    headers['Content-Type'] = 'application/json';
  } else if (hasJsonBody(route)) {
    headers['Content-Type'] = 'application/json';
  }
  if (route.shape === 'upgrade') {
    headers.Connection = 'Upgrade';
    headers.Upgrade = 'tcp';
  }
  return { method: route.method, target: `${prefix}${path}${query === '' ? '' : `?${query}`}`, headers, body };
}

function hasJsonBody(route: Route<never, never, never> | { readonly body: unknown }): boolean {
  return route.body !== none && route.body !== stream;
}

function pathSegment(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new Error(`unreachable: a request without its {${name}}`);
  return name === 'name' ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value);
}

function queryString(wire: Json): string {
  if (!isJsonObject(wire)) return '';
  const pairs = Object.entries(wire).flatMap(([name, value]) => queryPairs(name, value));
  return pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
}

function queryPairs(name: string, value: Json | undefined): [string, string][] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.map((item: Json): [string, string] => [name, String(item)]);
  return [[name, String(value)]];
}

const codes: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid',
  401: 'denied',
  403: 'denied',
  404: 'not-found',
  409: 'conflict',
  501: 'unsupported',
  503: 'unavailable',
};

/** The daemon's refusal, as the error it was: code from the status, message from the body. */
export function failureOf(status: number, bodyText: string): EngineError {
  const code = codes[status] ?? 'internal';
  try {
    const wire = parseJson(bodyText);
    if (isJsonObject(wire) && typeof wire.message === 'string') {
      return new EngineError(code, wire.message, typeof wire.hint === 'string' ? { hint: wire.hint } : {});
    }
  } catch {
    // not JSON: proxies and very old daemons answer in plain text, which is the message then
  }
  const plain = bodyText.trim();
  return new EngineError(code, plain === '' ? `request failed with status ${status} and no message` : plain);
}

/**
 * Reads a whole answer by its row.
 *
 * @throws EngineError with the daemon's message when the status is a failure's
 */
export function readReply<Q, B, R>(route: Route<Q, B, R>, status: number, bodyText: string): R {
  if (status >= 400) throw failureOf(status, bodyText);
  if (route.shape !== 'json' && route.shape !== 'lines') return route.reply.zero;
  return route.reply.parse(bodyText.trim() === '' ? undefined : parseJson(bodyText), '');
}
