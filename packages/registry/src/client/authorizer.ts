import { EngineError } from '@gantry/base';
import { parseFields } from '@gantry/oci';
import { type Challenge, parseChallenge } from './challenge.ts';
import type { Endpoint } from './endpoint.ts';
import { formatFailure, parseFailure } from './failure.ts';
import { caps, type Dial, type Request, readBody, readErrorText, sendPatiently } from './transport.ts';

/** What a user gave for one registry; all empty means nobody. */
export type Credentials = {
  readonly username: string;
  readonly password: string;
  /** A refresh token, in place of name and password. */
  readonly identityToken: string;
  /** A bearer token that is sent as it is. */
  readonly registryToken: string;
};

export const anonymous: Credentials = { username: '', password: '', identityToken: '', registryToken: '' };

type Granted = { readonly header: string; readonly expiresAt: number };

const minimumLifetimeSeconds = 60;

/**
 * Answers the challenges of one registry for one set of credentials.
 *
 * SAFETY: an authorizer belongs to one host; its headers are made for requests to that host alone and the caller never
 * sends them along a redirect. Name and password go to the realm that this host names, over TLS, without following a
 * redirect; over plain HTTP only to the very same host (CVE-2019-10214, CVE-2026-33540).
 */
export class Authorizer {
  readonly #endpoint: Endpoint;
  readonly #credentials: Credentials;
  readonly #dial: (url: URL) => Dial;
  readonly #granted = new Map<string, Granted>();
  #basic = false;
  #identityToken: string | undefined;

  constructor(endpoint: Endpoint, credentials: Credentials, dial: (url: URL) => Dial) {
    this.#endpoint = endpoint;
    this.#credentials = credentials;
    this.#dial = dial;
  }

  /** A refresh token that came with an access token. */
  get identityToken(): string | undefined {
    return this.#identityToken;
  }

  /** The header to send first; undefined while nothing was granted for that scope. */
  header(scope: string): string | undefined {
    if (this.#credentials.registryToken !== '') return `Bearer ${this.#credentials.registryToken}`;
    if (this.#basic) return this.#basicHeader();
    const granted = this.#granted.get(scope);
    return granted !== undefined && granted.expiresAt > Date.now() ? granted.header : undefined;
  }

  /** Answers a 401. @returns the header to try again with; undefined when there is nothing better to offer */
  async answer(
    response: Response,
    { method, scope }: { readonly method: string; readonly scope: string },
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const challenge = parseChallenge(response.headers.get('www-authenticate') ?? '');
    if (challenge === undefined || this.#credentials.registryToken !== '') return undefined;
    if (challenge.scheme === 'basic') {
      if (this.#basic) return undefined;
      if (this.#credentials.username === '') {
        const { origin, pathname } = new URL(response.url);
        const verb = `${method.charAt(0)}${method.slice(1).toLowerCase()}`;
        // Docker names the request of a pull, and not that of a push.
        const where = /:pull,push/.test(scope) ? '' : `${verb} "${origin}${pathname}": `;
        throw new EngineError('denied', `${where}no basic auth credentials`, {
          hint: `log in to the registry: docker login ${this.#endpoint.host}`,
        });
      }
      this.#basic = true;
      return this.#basicHeader();
    }
    const granted = await this.#fetchToken(challenge, new URL(response.url), { scope, signal });
    this.#granted.set(scope, granted);
    return granted.header;
  }

  #basicHeader(): string {
    const { username, password } = this.#credentials;
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  async #fetchToken(
    challenge: Challenge & { scheme: 'bearer' },
    asked: URL,
    { scope, signal }: { scope: string; signal: AbortSignal },
  ): Promise<Granted> {
    const realm = this.#checkRealm(challenge.realm, asked);
    const request = this.#tokenRequest(realm, challenge.service, scope);
    const response = await sendPatiently({ ...request, dial: this.#dial(realm) }, signal);
    if (response.status !== 200) {
      const failure = parseFailure(response.status, await readErrorText(response));
      throw new EngineError(
        'denied',
        `cannot get a token for ${this.#endpoint.host} from ${realm.host}: ${formatFailure(failure)}`,
        {
          hint: 'see that name and password are right: docker login',
        },
      );
    }
    const body = new TextDecoder().decode(await readBody(response, caps.tokenBytes, 'token'));
    const fields = parseFields(body, `token from ${realm.host}`);
    const token = fields.text('token') || fields.text('access_token');
    if (!/^[\x21-\x7e]+$/.test(token))
      throw new EngineError('denied', `cannot get a token from ${realm.host}: it sent none`);
    const refresh = fields.text('refresh_token');
    if (refresh !== '') this.#identityToken = refresh;
    const lifetime = Math.max(fields.integer('expires_in'), minimumLifetimeSeconds);
    // A little early: the token must still be good when the request arrives.
    return { header: `Bearer ${token}`, expiresAt: Date.now() + (lifetime - 10) * 1000 };
  }

  #checkRealm(text: string, asked: URL): URL {
    const realm = URL.canParse(text) ? new URL(text) : undefined;
    const sameHost = realm?.host === asked.host;
    const isSafe =
      realm?.protocol === 'https:' || (realm?.protocol === 'http:' && asked.protocol === 'http:' && sameHost);
    if (realm === undefined || !isSafe || realm.username !== '' || realm.password !== '') {
      throw new EngineError(
        'denied',
        `cannot log in to ${this.#endpoint.host}: its token service is not reached over https`,
      );
    }
    return realm;
  }

  #tokenRequest(realm: URL, service: string, scope: string): Omit<Request, 'dial'> {
    const { username, identityToken } = this.#credentials;
    if (identityToken !== '') {
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        service,
        scope,
        client_id: 'gantry',
        refresh_token: identityToken,
      });
      const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
      return { url: realm, method: 'POST', headers, body: new TextEncoder().encode(form.toString()) };
    }
    const url = new URL(realm);
    if (service !== '') url.searchParams.set('service', service);
    for (const one of scope.split(' ')) if (one !== '') url.searchParams.append('scope', one);
    if (username !== '') url.searchParams.set('account', username);
    // Only a login has no scope, and only there somebody keeps a token that outlives this process.
    if (scope === '' && username !== '') url.searchParams.set('offline_token', 'true');
    if (username !== '') url.searchParams.set('client_id', 'gantry');
    return { url, headers: username === '' ? {} : { authorization: this.#basicHeader() } };
  }
}
