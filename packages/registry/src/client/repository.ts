import { createHash } from 'node:crypto';
import { EngineError, isEngineError } from '@gantry/base';
import {
  acceptedManifestTypes,
  type Digest,
  familiarName,
  formatReference,
  maximumManifestBytes,
  mediaTypes,
  parseDigest,
  parseFields,
  type Reference,
  splitDigest,
} from '@gantry/oci';
import { deltaBaseHeader, deltaOffer, maximumBases } from '../delta-wire.ts';
import type { Capability } from './endpoint.ts';
import { type Asked, isUnreachable, pullError } from './failure.ts';
import { parseReferrers, type Referrer } from './referrers.ts';
import type { RegistryHost } from './registry-host.ts';
import { backOffMs, caps, chunksOf, delay, failureOf, readBody } from './transport.ts';

export type FetchedManifest = { readonly bytes: Uint8Array; readonly digest: Digest; readonly mediaType: string };

export type BlobAsked = { readonly digest: Digest; readonly sizeBytes: number };

/** A delta that a registry has made. */
export type FoundDelta = {
  /** Of the blob that it is a difference from. */
  readonly base: Digest;
  readonly sizeBytes: number;
  /** Its bytes, as `readBlob` gives a blob's. */
  read(signal: AbortSignal): AsyncGenerator<Uint8Array>;
};

/** A registry that needs longer to make a delta is asked for the blob. */
const deltaPatienceMs = 30_000;

const maximumTagPages = 1000;
const maximumReferrerPages = 10;
const maximumBlobFailures = 5;
const maximumBodyFailures = 3;

/**
 * One repository of one registry, for reading.
 *
 * One life: `openRepositories`, then any of the calls; nothing is held open between them. Tokens are kept for the life of
 * the value, each for its scope.
 *
 * Spec: OCI distribution-spec 1.1, "Pull"; Docker Registry HTTP API V2 for tokens.
 */
export class Repository {
  readonly host: RegistryHost;
  readonly #path: string;
  readonly #asked: Asked;
  #offersDeltas = false;

  constructor(host: RegistryHost, reference: Reference) {
    this.host = host;
    this.#path = reference.path;
    this.#asked = { name: familiarName(reference), reference: formatReference(reference) };
  }

  /** Tells whether the operator lets this host be asked that. */
  can(capability: Capability): boolean {
    return this.host.endpoint.capabilities.includes(capability);
  }

  /**
   * Fetches a manifest or index by tag or digest. By digest the bytes are verified against it; by tag the digest is
   * what the bytes hash to, whatever the registry's header says.
   *
   * @throws not-found, denied, unavailable with Docker's texts; invalid when the bytes do not match
   */
  async fetchManifest(tagOrDigest: string, signal: AbortSignal): Promise<FetchedManifest> {
    const headers = { accept: acceptedManifestTypes.join(', ') };
    const limits = { maximumBytes: maximumManifestBytes, what: 'manifest' };
    const { response, bytes } = await this.#getWhole(`manifests/${tagOrDigest}`, { headers, ...limits }, signal);
    this.#offersDeltas = Object.keys(deltaOffer).every((name) => response.headers.has(name));
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
   * Streams a blob of exactly the stated size from `offset` on, taking up again where a broken connection left off. The
   * caller hashes: the bytes are **not** verified here.
   *
   * @throws unavailable when it breaks off too often, invalid when there are more bytes than stated
   */
  async *readBlob(blob: BlobAsked & { offset?: number }, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    yield* this.#readPatiently({ ...blob, name: blob.digest, path: `blobs/${blob.digest}` }, signal);
  }

  /** Whether the registry said, with a manifest, that it can be asked for deltas. */
  get offersDeltas(): boolean {
    return this.#offersDeltas;
  }

  /**
   * Asks for a layer as a difference from one of those that are here, named best first. ADR 18.
   *
   * @returns undefined: it must be fetched whole
   */
  async findDelta(blob: BlobAsked, bases: readonly Digest[], signal: AbortSignal): Promise<FoundDelta | undefined> {
    const query = new URLSearchParams(bases.slice(0, maximumBases).map((base): [string, string] => ['base', base]));
    const path = `_gantry/deltas/${blob.digest}?${query}`;
    const patience = AbortSignal.any([signal, AbortSignal.timeout(deltaPatienceMs)]);
    const { status, headers } = await this.#send({ method: 'HEAD', path }, patience);
    const base = bases.find((digest) => digest === headers.get(deltaBaseHeader));
    const sizeBytes = Number(headers.get('content-length') ?? 0);
    if (status !== 200 || base === undefined || !(sizeBytes > 0 && sizeBytes < blob.sizeBytes)) return undefined;
    const read = (whole: AbortSignal): AsyncGenerator<Uint8Array> =>
      this.#readPatiently({ sizeBytes, name: `delta of ${blob.digest}`, path }, whole);
    return { base, sizeBytes, read };
  }

  async *#readPatiently(
    part: { readonly name: string; readonly path: string; readonly sizeBytes: number; readonly offset?: number },
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const { name, path, sizeBytes } = part;
    let done = part.offset ?? 0;
    for (let failures = 0; done < sizeBytes; ) {
      const before = done;
      try {
        for await (const chunk of this.#readFrom(path, done, signal)) {
          done += chunk.length;
          if (done > sizeBytes)
            throw new EngineError('invalid', `cannot fetch "${name}": it is larger than its stated ${sizeBytes} bytes`);
          yield chunk;
        }
        if (done < sizeBytes) throw new Error('unexpected EOF');
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof EngineError || isUnreachable(error)) throw error;
        failures = done > before ? 1 : failures + 1;
        if (failures >= maximumBlobFailures || (done === before && failures > 2)) {
          const why = `it broke off after ${done} of ${sizeBytes} bytes: ${error instanceof Error ? error.message : error}`;
          throw new EngineError('unavailable', `cannot fetch "${name}" from ${this.host.endpoint.host}: ${why}`, {
            cause: error,
          });
        }
        await delay(backOffMs(failures), signal);
      }
    }
  }

  /** Lists all tags, or those of the first pages. @throws as `fetchManifest` */
  async listTags(signal: AbortSignal, pages = Number.POSITIVE_INFINITY): Promise<readonly string[]> {
    const tags: string[] = [];
    let path = 'tags/list';
    for (let page = 0; page < maximumTagPages; page++) {
      const limits = { maximumBytes: caps.tagListBytes, what: 'list of tags' };
      const { response, bytes } = await this.#getWhole(path, { headers: {}, ...limits }, signal);
      tags.push(...parseFields(new TextDecoder().decode(bytes), 'list of tags').texts('tags'));
      const next = nextQuery(response);
      if (next === undefined || page + 1 >= pages) return tags;
      path = `tags/list${next}`;
    }
    throw new EngineError('invalid', `cannot list tags of "${this.#asked.name}": more than ${maximumTagPages} pages`);
  }

  /**
   * Lists what refers to a digest; empty when nobody knows it.
   *
   * Spec: OCI distribution-spec 1.1, "Listing Referrers": a registry without that API keeps the list under a tag.
   *
   * @throws as `fetchManifest`
   */
  async listReferrers(subject: Digest, signal: AbortSignal): Promise<readonly Referrer[]> {
    try {
      return await this.#referrers(subject, signal);
    } catch (error) {
      if (!isEngineError(error, 'not-found')) throw error;
    }
    try {
      return parseReferrers((await this.fetchManifest(subject.replace(':', '-'), signal)).bytes);
    } catch (error) {
      if (isEngineError(error, 'not-found')) return [];
      throw error;
    }
  }

  async #referrers(subject: Digest, signal: AbortSignal): Promise<readonly Referrer[]> {
    const found: Referrer[] = [];
    let path = `referrers/${subject}`;
    for (let page = 0; page < maximumReferrerPages; page++) {
      const limits = { maximumBytes: maximumManifestBytes, what: 'list of referrers' };
      const asked = { headers: { accept: mediaTypes.ociIndex }, ...limits };
      const { response, bytes } = await this.#getWhole(path, asked, signal);
      found.push(...parseReferrers(bytes));
      const next = nextQuery(response);
      if (next === undefined) return found;
      path = `referrers/${subject}${next}`;
    }
    throw new EngineError('invalid', `cannot list referrers of "${subject}": more than ${maximumReferrerPages} pages`);
  }

  async *#readFrom(path: string, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const headers: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
    yield* restOf(await this.#get(path, { headers }, signal), offset, signal);
  }

  /** A GET with the whole body, which is asked for again when it breaks off. @throws as `#get`, unavailable */
  async #getWhole(
    path: string,
    { headers, maximumBytes, what }: { headers: Readonly<Record<string, string>>; maximumBytes: number; what: string },
    signal: AbortSignal,
  ): Promise<{ readonly response: Response; readonly bytes: Uint8Array }> {
    for (let failures = 1; ; failures++) {
      const response = await this.#get(path, { headers }, signal);
      try {
        return { response, bytes: await readBody(response, maximumBytes, what) };
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof EngineError) throw error;
        if (failures >= maximumBodyFailures) {
          const { host } = this.host.endpoint;
          throw new EngineError('unavailable', `cannot read ${what} from ${host}: it broke off`, { cause: error });
        }
        await delay(backOffMs(failures), signal);
      }
    }
  }

  /** A GET below this repository. @throws Docker's texts for an answer that is not the thing itself */
  async #get(
    path: string,
    { headers }: { headers: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<Response> {
    const response = await this.#send({ method: 'GET', path, headers }, signal);
    if (response.status === 200 || response.status === 206) return response;
    throw pullError(await failureOf(response), this.#asked);
  }

  async #send(
    { method, path, headers }: { method: string; path: string; headers?: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<Response> {
    const scope = `repository:${this.#path}:pull`;
    return await this.host.send({ method, target: `${this.#path}/${path}`, headers: headers ?? {}, scope }, signal);
  }
}

/** The query of the next page. Nothing else is taken: a link to another host or repository is none of ours. */
function nextQuery(response: Response): string | undefined {
  const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1];
  return next === undefined ? undefined : new URL(next, response.url).search;
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

/** What a body has from an offset on, which was asked for as a range. */
export async function* restOf(response: Response, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  // A host that ignores ranges sends all of it again.
  let skip = response.status === 206 ? 0 : offset;
  for await (const chunk of chunksOf(response)) {
    signal.throwIfAborted();
    const rest = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}
