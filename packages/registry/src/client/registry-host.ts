import { EngineError } from '@gantry/base';
import { Authorizer, anonymous, type Credentials } from './authorizer.ts';

import type { Endpoint } from './endpoint.ts';
import { connectionError } from './failure.ts';
import { type Proxies, proxyFor } from './proxy.ts';
import { type Dial, type Request, send, sendPatiently } from './transport.ts';
import { tryConnection } from './try-connection.ts';

/** One request of the API. */
export type Ask = {
  readonly method?: string;
  /** Below the API's root, `team/app/manifests/latest`; or a whole URL that the host gave. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is sent once: whoever has it knows where it broke off. */
  readonly body?: Uint8Array | ReadableStream<Uint8Array>;
  /** What the token must allow; several with blanks between. */
  readonly scope: string;
};

const maximumRedirects = 5;
const redirects = [301, 302, 303, 307, 308];

/**
 * One host that speaks the registry API, for one set of credentials: chooses http or https once, authorizes requests,
 * and follows the redirects of reads.
 *
 * SAFETY: credentials, headers and client certificates of a host go to this host alone, not along a redirect, and a
 * challenge counts only when this host itself sent it (CVE-2020-10696 and its kin).
 */
export class RegistryHost {
  readonly endpoint: Endpoint;
  readonly #authorizer: Authorizer;
  readonly #proxies: Proxies;
  #scheme: 'https' | 'http' | undefined;
  #isReached = false;

  constructor(endpoint: Endpoint, { credentials, proxies }: { credentials: Credentials; proxies: Proxies }) {
    this.endpoint = endpoint;
    this.#proxies = proxies;
    // SAFETY: a mirror is another host than the one the credentials are for.
    const own = endpoint.isOwn ? credentials : anonymous;
    this.#authorizer = new Authorizer(endpoint, own, (url) => this.#dial(url));
  }

  /** What a token service gave in place of name and password, if it did. */
  get identityToken(): string | undefined {
    return this.#authorizer.identityToken;
  }

  /**
   * Sends one request; again when the host is busy or wants other credentials.
   *
   * @returns the answer, whatever its status
   * @throws unavailable when there is none, denied for what may not be sent
   */
  async send(ask: Ask, signal: AbortSignal): Promise<Response> {
    const method = ask.method ?? 'GET';
    await this.#reach(signal);
    const url = typeof ask.target === 'string' ? await this.#urlOf(ask.target, signal) : this.#checkGiven(ask.target);
    const isOurs = url.host === this.endpoint.host;
    const isOnce = ask.body instanceof ReadableStream;
    let authorization = isOurs ? this.#authorizer.header(ask.scope) : undefined;
    for (let attempt = 0; ; attempt++) {
      const own = isOurs ? { ...this.endpoint.headers, ...(authorization !== undefined && { authorization }) } : {};
      const request: Request = {
        url,
        method,
        headers: { ...ask.headers, ...own },
        dial: this.#dial(url),
        ...(ask.body !== undefined && { body: ask.body }),
      };
      const response = await (isOnce ? send : sendPatiently)(request, signal);
      if (redirects.includes(response.status) && (method === 'GET' || method === 'HEAD'))
        return await this.#follow(response, ask, signal);
      if (response.status !== 401 || attempt === 2 || !isOurs || isOnce) return response;
      const answer = await this.#authorizer.answer(response, { method, scope: ask.scope }, signal);
      if (answer === undefined || answer === authorization) return response;
      await response.body?.cancel();
      authorization = answer;
    }
  }

  /** Connects once within the time that the operator gives a host, since `fetch` has no such limit, and hangs up. */
  async #reach(signal: AbortSignal): Promise<void> {
    const { host, scheme, dialTimeoutMs } = this.endpoint;
    if (this.#isReached || dialTimeoutMs === undefined) return;
    const url = new URL(`${scheme === 'http' ? 'http' : 'https'}://${host}`);
    try {
      await tryConnection(new URL(proxyFor(url, this.#proxies) ?? url), { timeoutMs: dialTimeoutMs, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw connectionError(error, new URL('/v2/', url));
    }
    this.#isReached = true;
  }

  async #urlOf(path: string, signal: AbortSignal): Promise<URL> {
    const { host, basePath, namespace } = this.endpoint;
    this.#scheme ??= await this.#chooseScheme(signal);
    const url = new URL(`${this.#scheme}://${host}${basePath}/${path}`);
    if (namespace !== undefined) url.searchParams.set('ns', namespace);
    return url;
  }

  /** Docker's order: https first, and http only for a host that may be insecure. The first that answers is kept. */
  async #chooseScheme(signal: AbortSignal): Promise<'https' | 'http'> {
    const { host, scheme, basePath } = this.endpoint;
    if (scheme !== 'either') return scheme;
    const url = new URL(`https://${host}${basePath}/`);
    try {
      const response = await send({ url, headers: {}, dial: this.#dial(url) }, signal);
      await response.body?.cancel();
      return 'https';
    } catch {
      signal.throwIfAborted();
      // No TLS there: http is allowed, and says by itself when nothing listens.
      return 'http';
    }
  }

  /** Another host may vouch for itself with the authorities of this one, but gets no proof of ours. */
  #dial(url: URL): Dial {
    const { host, skipVerify, certificates } = this.endpoint;
    const isOurs = url.host === host;
    const theirs = certificates === undefined ? undefined : { ...certificates, client: undefined };
    return {
      skipVerify: skipVerify && isOurs,
      certificates: isOurs ? certificates : theirs,
      proxies: this.#proxies,
    };
  }

  /** SAFETY: a registry over TLS cannot hand us to plain HTTP. */
  #checkGiven(url: URL): URL {
    if (url.protocol === 'https:' || (url.protocol === 'http:' && this.#scheme === 'http')) return url;
    throw new EngineError('denied', `cannot use ${this.endpoint.host}: it redirects to plain http`);
  }

  async #follow(first: Response, ask: Ask, signal: AbortSignal): Promise<Response> {
    let response = first;
    for (let hops = 0; redirects.includes(response.status); hops++) {
      const from = new URL(response.url);
      const location = response.headers.get('location') ?? '';
      await response.body?.cancel();
      if (hops === maximumRedirects || !URL.canParse(location, from.href))
        throw new EngineError('unavailable', `cannot use ${this.endpoint.host}: ${from.host} redirects in circles`);
      const url = this.#checkGiven(new URL(location, from.href));
      const request = { url, method: ask.method ?? 'GET', headers: ask.headers ?? {}, dial: this.#dial(url) };
      response = await sendPatiently(request, signal);
    }
    return response;
  }
}
