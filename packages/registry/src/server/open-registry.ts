import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { EngineError } from '@gantry/base';
import { type Authentication, authenticate } from './auth/authenticate.ts';
import { type Grants, usersOnly } from './auth/grants.ts';
import { Htpasswd } from './auth/htpasswd.ts';
import { type Collected, type CollectOptions, collectGarbage } from './collect-garbage.ts';
import { type AnswerDeps, type Answered, answer } from './http/answer.ts';
import { Metrics, type Served } from './metrics.ts';
import { Upstream, type UpstreamOptions } from './proxy/upstream.ts';
import { errorResponse, RegistryError } from './registry-error.ts';
import { openStore, type Store } from './store/store.ts';

export type RegistryOptions = {
  /** Where everything is kept. No other process may have it open. */
  readonly directory: string;
  /** Undefined: everyone may do everything. */
  readonly users:
    | {
        readonly htpasswdFile: string;
        /** Undefined: every user may do everything. */
        readonly grants: Grants | undefined;
        /** Undefined: basic authentication only. `realm`: the token endpoint as clients reach it, when that is elsewhere. */
        readonly tokens: { readonly realm: string | undefined } | undefined;
      }
    | undefined;
  /** Undefined: this registry is no cache of another. */
  readonly upstream: UpstreamOptions | undefined;
  readonly allowsSparse: boolean;
  readonly collect: CollectOptions;
  /** Whether `/metrics` is answered among the rest. */
  readonly servesMetrics: boolean;
  /** Told of every request. */
  readonly log: (served: LoggedRequest) => void;
  /** Told of what is wrong with this registry, not with its clients. */
  readonly reportFault: (error: unknown) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
};

export type LoggedRequest = Served & { readonly path: string; readonly user: string; readonly remote: string };

/** A registry that answers requests, whoever listens for them. */
export type Registry = Disposable & {
  /** @param remote the client's address, for the log */
  fetch(request: Request, remote: string): Promise<Response>;
  /** Collects garbage while requests are served. @throws conflict when a collection runs already */
  collect(options?: Partial<CollectOptions>): Promise<Collected>;
  metricsText(): string;
};

const cacheBytes = 64 * 2 ** 20;
/** Figures are kept by method, so clients cannot make up more. */
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * Opens a registry over a directory.
 *
 * Spec: OCI distribution-spec 1.1, whole.
 * @throws invalid when the htpasswd file cannot be read
 */
export function openRegistry(options: RegistryOptions): Registry {
  const store = openStore(options.directory, { cacheBytes, now: options.now });
  const upstream = options.upstream === undefined ? undefined : new Upstream(store, options.upstream);
  const authentication = openAuthentication(store, options);
  const { allowsSparse, reportFault } = options;
  const deps: AnswerDeps = { store, upstream, authentication, allowsSparse, reportFault };
  const metrics = new Metrics();
  const state = { inFlight: 0, collecting: false, startedAtSeconds: options.now() / 1000 };
  const metricsText = (): string =>
    metrics.format({
      requestsInFlight: state.inFlight,
      uploadsActive: store.uploads.activeCount,
      memoryBytes: process.memoryUsage.rss(),
      startedAtSeconds: state.startedAtSeconds,
    });
  const respond = async (request: Request, url: URL): Promise<Answered> => {
    if (url.pathname === '/healthz' || url.pathname === '/debug/health')
      return { response: health(store), route: 'health', user: '' };
    if (url.pathname === '/metrics' && options.servesMetrics)
      return {
        response: await serveMetrics(authentication, { request, url, metricsText }),
        route: 'metrics',
        user: '',
      };
    return await answer(deps, request, url);
  };
  return {
    fetch: async (request, remote) => {
      const startedAt = performance.now();
      const url = urlOf(request);
      if (url === undefined)
        return errorResponse(new RegistryError('UNSUPPORTED', 'the request has no path', { status: 400 }));
      state.inFlight++;
      const { response, route, user } = await respond(request, url);
      state.inFlight--;
      const sentBytes = request.method === 'HEAD' ? 0 : Number(response.headers.get('content-length') ?? 0);
      const durationMs = performance.now() - startedAt;
      const method = knownMethods.has(request.method) ? request.method : 'other';
      const served = { route, method, status: response.status, durationMs, sentBytes };
      metrics.observe(served);
      options.log({ ...served, path: url.pathname, user, remote });
      return response;
    },
    collect: async (asked) => {
      if (state.collecting) throw new EngineError('conflict', 'cannot collect garbage: a collection runs already');
      state.collecting = true;
      try {
        const collected = await collectGarbage(store, { ...options.collect, ...asked });
        metrics.count('registry_collections_total', 1);
        metrics.count('registry_collected_bytes_total', collected.freedBytes);
        return collected;
      } finally {
        state.collecting = false;
      }
    },
    metricsText,
    [Symbol.dispose]: () => upstream?.close(),
  };
}

/** Clients of HTTP/1.0, health checks for the most part, name no host. */
function urlOf(request: Request): URL | undefined {
  return URL.parse(request.url, 'http://unnamed') ?? undefined;
}

function openAuthentication(store: Store, { users, now }: RegistryOptions): Authentication | undefined {
  if (users === undefined) return undefined;
  const tokens = users.tokens && { key: readTokenKey(store.layout.tokenKey), realm: users.tokens.realm };
  return { users: new Htpasswd(users.htpasswdFile, now), grants: users.grants ?? usersOnly, tokens, now };
}

/** The key that signs tokens is made once; tokens outlive a restart. */
function readTokenKey(path: string): Uint8Array {
  if (!existsSync(path)) writeFileSync(path, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' });
  const key = Buffer.from(readFileSync(path, 'utf8'), 'base64');
  if (key.length < 32)
    throw new EngineError('invalid', `cannot read token key "${path}": fewer than 32 bytes`, {
      hint: 'remove it: a new one is made, and clients log in again',
    });
  return key;
}

/** A registry is healthy when it can write where it keeps everything. */
function health(store: Store): Response {
  try {
    accessSync(store.layout.temporary, constants.W_OK);
    return Response.json({ status: 'ok' });
  } catch (error) {
    return Response.json({ status: 'failing', why: String(error) }, { status: 503 });
  }
}

/** Where there are users, figures are for users. */
async function serveMetrics(
  authentication: Authentication | undefined,
  { request, url, metricsText }: { request: Request; url: URL; metricsText: () => string },
): Promise<Response> {
  try {
    const access = await authenticate(authentication, request, url);
    access.check('enter', undefined);
    return new Response(metricsText(), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } });
  } catch (error) {
    if (error instanceof RegistryError) return errorResponse(error);
    throw error;
  }
}
