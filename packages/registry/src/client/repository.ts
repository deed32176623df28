import { createHash } from 'node:crypto';
import { EngineError } from '@gantry/base';
import {
  acceptedManifestTypes,
  type Digest,
  familiarName,
  formatReference,
  maximumManifestBytes,
  parseDigest,
  parseFields,
  type Reference,
  splitDigest,
} from '@gantry/oci';
import { Authorizer, anonymous, type Credentials } from './authorizer.ts';
import { type Endpoint, endpointOf, mirrorEndpoint } from './endpoint.ts';
import { type Asked, isUnreachable, parseFailure, pullError, type RegistryFailure } from './failure.ts';
import { backOffMs, caps, delay, type Request, readBody, readErrorText, send, sendPatiently } from './transport.ts';

export type FetchedManifest = { readonly bytes: Uint8Array; readonly digest: Digest; readonly mediaType: string };

export type RepositoryOptions = {
  readonly credentials: Credentials;
  /** Hosts and networks where plain HTTP and unknown certificates are allowed, besides loopback. */
  readonly insecureRegistries: readonly string[];
  /** URL of a mirror that is asked in place of the reference's own registry. */
  readonly mirror?: string;
};

export type BlobAsked = { readonly digest: Digest; readonly sizeBytes: number };

const maximumRedirects = 5;
const maximumTagPages = 1000;
const maximumBlobFailures = 5;
const stallMs = 60_000;

/**
 * One repository of one registry, for reading.
 *
 * One life: `openRepository`, then any of the calls; nothing is held open between them. Tokens are kept for the life of
 * the value, each for its scope.
 *
 * Spec: OCI distribution-spec 1.1, "Pull"; Docker Registry HTTP API V2 for tokens.
 */
export class Repository {
  readonly #endpoint: Endpoint;
  readonly #path: string;
  readonly #authorizer: Authorizer;
  readonly #asked: Asked;
  #scheme: 'https' | 'http' | undefined;

  constructor(reference: Reference, options: RepositoryOptions) {
    const { mirror, insecureRegistries } = options;
    const own = mirror === undefined;
    this.#endpoint = own
      ? endpointOf(reference.domain, insecureRegistries)
      : mirrorEndpoint(mirror, insecureRegistries);
    this.#path = reference.path;
    // SAFETY: a mirror is another host than the one the credentials are for.
    this.#authorizer = new Authorizer(this.#endpoint, own ? options.credentials : anonymous);
    this.#asked = { name: familiarName(reference), reference: formatReference(reference) };
  }

  /**
   * Fetches a manifest or index by tag or digest. By digest the bytes are verified against it; by tag the digest is
   * what the bytes hash to, whatever the registry's header says.
   *
   * @throws not-found, denied, unavailable with Docker's texts; invalid when the bytes do not match
   */
  async fetchManifest(tagOrDigest: string, signal: AbortSignal): Promise<FetchedManifest> {
    const headers = { accept: acceptedManifestTypes.join(', ') };
    const response = await this.#get(`manifests/${tagOrDigest}`, { headers }, signal);
    const bytes = await readBody(response, maximumManifestBytes, 'manifest');
    const wanted = tagOrDigest.includes(':') ? parseDigest(tagOrDigest) : undefined;
    const digest = wanted ?? parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    if (wanted !== undefined) verify(bytes, wanted, 'manifest');
    return { bytes, digest, mediaType: response.headers.get('content-type') ?? '' };
  }

  /** Fetches a small blob whole and verified. @throws as `fetchManifest` */
  async fetchBlob(blob: BlobAsked, maximumBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    if (blob.sizeBytes > maximumBytes) {
      throw new EngineError(
        'invalid',
        `cannot fetch "${blob.digest}": ${blob.sizeBytes} bytes are more than ${maximumBytes}`,
      );
    }
    const parts: Uint8Array[] = [];
    for await (const chunk of this.readBlob(blob, signal)) parts.push(chunk);
    const bytes = Buffer.concat(parts);
    verify(bytes, blob.digest, 'blob');
    return bytes;
  }

  /**
   * Streams a blob of exactly the stated size, taking up again where a broken connection left off. The caller hashes:
   * the bytes are **not** verified here.
   *
   * @throws unavailable when it breaks off too often, invalid when there are more bytes than stated
   */
  async *readBlob(blob: BlobAsked, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let done = 0;
    for (let failures = 0; done < blob.sizeBytes; ) {
      const before = done;
      try {
        for await (const chunk of this.#readFrom(blob, done, signal)) {
          done += chunk.length;
          if (done > blob.sizeBytes)
            throw new EngineError(
              'invalid',
              `cannot fetch "${blob.digest}": it is larger than its stated ${blob.sizeBytes} bytes`,
            );
          yield chunk;
        }
        if (done < blob.sizeBytes) throw new Error('unexpected EOF');
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof EngineError || isUnreachable(error)) throw error;
        failures = done > before ? 1 : failures + 1;
        if (failures >= maximumBlobFailures || (done === before && failures > 2)) {
          const why = `it broke off after ${done} of ${blob.sizeBytes} bytes: ${error instanceof Error ? error.message : error}`;
          throw new EngineError('unavailable', `cannot fetch "${blob.digest}" from ${this.#endpoint.host}: ${why}`, {
            cause: error,
          });
        }
        await delay(backOffMs(failures), signal);
      }
    }
  }

  /** Lists all tags. @throws as `fetchManifest` */
  async listTags(signal: AbortSignal): Promise<readonly string[]> {
    const tags: string[] = [];
    let path = 'tags/list';
    for (let page = 0; page < maximumTagPages; page++) {
      const response = await this.#get(path, { headers: {} }, signal);
      const body = new TextDecoder().decode(await readBody(response, caps.tagListBytes, 'list of tags'));
      tags.push(...parseFields(body, 'list of tags').texts('tags'));
      const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1];
      if (next === undefined) return tags;
      // Only the query is taken: a link to another host or repository is none of ours.
      path = `tags/list${new URL(next, response.url).search}`;
    }
    throw new EngineError('invalid', `cannot list tags of "${this.#asked.name}": more than ${maximumTagPages} pages`);
  }

  async *#readFrom(blob: BlobAsked, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const headers: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
    const response = await this.#get(`blobs/${blob.digest}`, { headers }, signal);
    // A registry that ignores ranges sends all of it again.
    let skip = response.status === 206 ? 0 : offset;
    for await (const chunk of withoutStalls(response, signal)) {
      const rest = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - rest.length;
      if (rest.length > 0) yield rest;
    }
  }

  /** A GET that authorizes itself, follows redirects without credentials, and throws Docker's texts. */
  async #get(
    path: string,
    { headers }: { headers: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<Response> {
    const scope = `repository:${this.#path}:pull`;
    let authorization = this.#authorizer.header(scope);
    for (let attempt = 0; ; attempt++) {
      const own = authorization === undefined ? headers : { ...headers, authorization };
      const response = await this.#follow(await this.#send(path, own, signal), headers, signal);
      if (response.status === 200 || response.status === 206) return response;
      const isChallenge = response.status === 401 && attempt < 2;
      const answer = isChallenge ? await this.#authorizer.answer(response, scope, signal) : undefined;
      if (answer === undefined || answer === authorization) throw pullError(await failureOf(response), this.#asked);
      await response.body?.cancel();
      authorization = answer;
    }
  }

  /** Docker's order: https first, and http only for a host that may be insecure. The first that answers is kept. */
  async #send(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
    const { host, allowsInsecure } = this.#endpoint;
    const request = (scheme: 'https' | 'http'): Request => ({
      url: new URL(`${scheme}://${host}/v2/${this.#path}/${path}`),
      headers,
      skipVerify: allowsInsecure,
    });
    if (this.#scheme === undefined && allowsInsecure) {
      try {
        const response = await send({ ...request('https'), url: new URL(`https://${host}/v2/`), headers: {} }, signal);
        await response.body?.cancel();
        this.#scheme = 'https';
      } catch {
        signal.throwIfAborted();
        // No TLS there: http is allowed, and says by itself when nothing listens.
        this.#scheme = 'http';
      }
    }
    return await sendPatiently(request(this.#scheme ?? 'https'), signal);
  }

  async #follow(first: Response, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
    let response = first;
    for (let hops = 0; [301, 302, 303, 307, 308].includes(response.status); hops++) {
      const from = new URL(response.url);
      const location = response.headers.get('location') ?? '';
      await response.body?.cancel();
      if (hops === maximumRedirects || !URL.canParse(location, from.href)) {
        throw new EngineError(
          'unavailable',
          `cannot pull "${this.#asked.reference}": ${from.host} redirects in circles`,
        );
      }
      const url = new URL(location, from.href);
      // SAFETY: no credentials go along, and a registry over TLS cannot hand us to plain HTTP.
      if (url.protocol !== 'https:' && !(url.protocol === 'http:' && from.protocol === 'http:')) {
        throw new EngineError('denied', `cannot pull "${this.#asked.reference}": ${from.host} redirects to plain http`);
      }
      const skipVerify = this.#endpoint.allowsInsecure && url.host === from.host;
      response = await sendPatiently({ url, headers, skipVerify }, signal);
    }
    return response;
  }
}

async function failureOf(response: Response): Promise<RegistryFailure> {
  return parseFailure(response.status, await readErrorText(response));
}

/** Checks bytes against the digest they were asked for by. @throws invalid */
function verify(bytes: Uint8Array, digest: Digest, what: string): void {
  const { algorithm, hex } = splitDigest(digest);
  const actual = createHash(algorithm).update(bytes).digest('hex');
  if (actual !== hex) {
    throw new EngineError(
      'invalid',
      `cannot use ${what} "${digest}": the registry sent other bytes (${algorithm}:${actual})`,
    );
  }
}

/** The chunks of a body; a connection that stays silent for a minute counts as broken. */
async function* withoutStalls(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  let timer: NodeJS.Timeout | undefined;
  try {
    for (;;) {
      const stalled = Promise.withResolvers<never>();
      timer = setTimeout(() => stalled.reject(new Error('the connection stalled')), stallMs);
      const next = await Promise.race([reader.read(), stalled.promise]);
      clearTimeout(timer);
      signal.throwIfAborted();
      if (next.done) return;
      yield next.value;
    }
  } finally {
    clearTimeout(timer);
    // A cancelled body closes its connection; the bytes that still come are nobody's.
    await reader.cancel().catch(() => undefined);
  }
}
