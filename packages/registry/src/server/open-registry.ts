import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { EngineError } from '@gantry/base';
import type { Authentication } from './auth/authenticate.ts';
import { type Grants, usersOnly } from './auth/grants.ts';
import { Htpasswd } from './auth/htpasswd.ts';
import { type Collected, type CollectOptions, collectGarbage } from './collect-garbage.ts';
import { Deltas } from './deltas.ts';
import { type AnswerDeps, type Answered, answer } from './http/answer.ts';
import { Metrics, type Served } from './metrics.ts';
import { Upstream, type UpstreamOptions } from './proxy/upstream.ts';
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
  const upstream =
    options.upstream === undefined ? undefined : new Upstream(store, options.upstream, options.reportFault);
  const metrics = new Metrics();
  const count = (name: string, by: number): void => metrics.count(name, by);
  const deltas = new Deltas(store, { count, reportFault: options.reportFault });
  const startedAtSeconds = options.now() / 1000;
  let inFlight = 0;
  const metricsText = (): string =>
    metrics.format({
      requestsInFlight: inFlight,
      uploadsActive: store.uploads.activeCount,
      memoryBytes: process.memoryUsage.rss(),
      startedAtSeconds,
    });
  const deps: AnswerDeps = {
    store,
    deltas,
    upstream,
    authentication: openAuthentication(store, options),
    allowsSparse: options.allowsSparse,
    metricsText: options.servesMetrics ? metricsText : undefined,
    reportFault: options.reportFault,
  };
  const fetch: Registry['fetch'] = async (request, remote) => {
    const startedAt = performance.now();
    inFlight++;
    const answered = await answer(deps, request);
    inFlight--;
    const served = describe(request, answered, performance.now() - startedAt);
    metrics.observe(served);
    options.log({ ...served, path: answered.path, user: answered.user, remote });
    return answered.response;
  };
  return {
    fetch,
    collect: collector(store, options.collect, metrics),
    metricsText,
    [Symbol.dispose]: () => upstream?.close(),
  };
}

function describe(request: Request, { response, route }: Answered, durationMs: number): Served {
  const sentBytes = request.method === 'HEAD' ? 0 : Number(response.headers.get('content-length') ?? 0);
  const method = knownMethods.has(request.method) ? request.method : 'other';
  return { route, method, status: response.status, durationMs, sentBytes };
}

/** Collects one at a time. */
function collector(store: Store, usual: CollectOptions, metrics: Metrics): Registry['collect'] {
  let running = false;
  return async (asked) => {
    if (running) throw new EngineError('conflict', 'cannot collect garbage: a collection runs already');
    running = true;
    try {
      const collected = await collectGarbage(store, { ...usual, ...asked });
      metrics.count('registry_collections_total', 1);
      metrics.count('registry_collected_bytes_total', collected.freedBytes);
      return collected;
    } finally {
      running = false;
    }
  };
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
