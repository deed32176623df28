import { createHash } from 'node:crypto';
import { EngineError, isEngineError } from '@gantry/base';
import { type Digest, parseDigest, type Reference } from '@gantry/oci';
import { isUnreachable, pushError } from './failure.ts';
import type { RegistryHost } from './registry-host.ts';
import { backOffMs, delay, failureOf, retryAfterMs } from './transport.ts';

/** A blob to send. `read` gives its bytes from an offset on, and may be called again. */
export type BlobToSend = {
  readonly digest: Digest;
  readonly sizeBytes: number;
  read(offset: number, endOffset: number): AsyncIterable<Uint8Array>;
};

/** Where an upload stands: what the registry has, and the URL that takes the rest. */
type Session = { location: URL; doneBytes: number };

const maximumFailures = 5;
/** What a registry takes at a time once it refused the whole: every one takes so much. */
const chunkBytes = 8 * 2 ** 20;

/**
 * One repository of one registry, for writing. Blobs first, then the manifest that names them.
 *
 * Spec: OCI distribution-spec 1.1, "Push".
 */
export class Destination {
  readonly #host: RegistryHost;
  readonly #path: string;
  readonly #scope: string;

  constructor(host: RegistryHost, { path }: Pick<Reference, 'path'>) {
    this.#host = host;
    this.#path = path;
    this.#scope = `repository:${path}:pull,push`;
  }

  /** Tells whether the registry has the blob in this repository. @throws denied, unavailable */
  async hasBlob(digest: Digest, signal: AbortSignal): Promise<boolean> {
    const target = `${this.#path}/blobs/${digest}`;
    const response = await this.#host.send({ method: 'HEAD', target, scope: this.#scope }, signal);
    await response.body?.cancel();
    if (response.status === 200) return true;
    // Nothing but 401 and 403 says more than "not here": some registries do not know HEAD.
    if (response.status === 401 || response.status === 403) throw await this.#refusal(response);
    return false;
  }

  /**
   * Asks the registry to take the blob over from another of its repositories. A registry that does not, or may not,
   * opens an upload instead, which is given up.
   */
  async mountBlob(digest: Digest, from: string, signal: AbortSignal): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from });
    const scope = `${this.#scope} repository:${from}:pull`;
    const target = `${this.#path}/blobs/uploads/?${query}`;
    try {
      const response = await this.#host.send({ method: 'POST', target, scope }, signal);
      await response.body?.cancel();
      if (response.status === 202) await this.#giveUp(this.#locationOf(response), signal);
      return response.status === 201;
    } catch (error) {
      // A token service may refuse both scopes together, and give the one that the push itself needs.
      if (isEngineError(error, 'denied')) return false;
      throw error;
    }
  }

  /**
   * Sends a blob in one stream, taking up again where a broken connection left off, and in chunks when the registry
   * finds the whole too large.
   *
   * @param onSent bytes that are on their way
   * @throws denied, invalid, unavailable in the registry's words
   */
  async sendBlob(blob: BlobToSend, onSent: (bytes: number) => void, signal: AbortSignal): Promise<void> {
    let session: Session | undefined;
    let isBroken = false;
    let limitBytes = Number.POSITIVE_INFINITY;
    for (let failures = 0; ; isBroken = true) {
      const before = session?.doneBytes ?? 0;
      try {
        if (isBroken && session !== undefined) session = await this.#resume(session, signal);
        if (isBroken && session === undefined && (await this.hasBlob(blob.digest, signal))) return;
        session ??= await this.#open(signal);
        while (session.doneBytes < blob.sizeBytes) await this.#sendChunk(blob, session, { limitBytes, onSent, signal });
        return await this.#finish(blob, session, signal);
      } catch (error) {
        signal.throwIfAborted();
        const isWhole = limitBytes > chunkBytes;
        if (isWhole && error instanceof UploadRefusal && error.status === 413) limitBytes = chunkBytes;
        else if (!isWorthRetrying(error)) throw error;
        failures = (session?.doneBytes ?? 0) > before ? 1 : failures + 1;
        if (failures >= maximumFailures) throw this.#brokenOff(blob, error);
        const waitMs = error instanceof UploadRefusal ? error.retryAfterMs : undefined;
        await delay(waitMs ?? backOffMs(failures), signal);
      }
    }
  }

  /** @returns the digest of what was put. @throws in the registry's words */
  async putManifest(
    { tagOrDigest, bytes, mediaType }: { tagOrDigest: string; bytes: Uint8Array; mediaType: string },
    signal: AbortSignal,
  ): Promise<Digest> {
    const target = `${this.#path}/manifests/${tagOrDigest}`;
    const headers = { 'content-type': mediaType };
    const response = await this.#host.send({ method: 'PUT', target, headers, body: bytes, scope: this.#scope }, signal);
    if (response.status !== 201 && response.status !== 200) throw await this.#refusal(response);
    await response.body?.cancel();
    return parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  }

  async #open(signal: AbortSignal): Promise<Session> {
    const target = `${this.#path}/blobs/uploads/`;
    const response = await this.#host.send({ method: 'POST', target, scope: this.#scope }, signal);
    if (response.status !== 202) throw await this.#refusal(response);
    await response.body?.cancel();
    return { location: this.#locationOf(response), doneBytes: 0 };
  }

  async #sendChunk(
    blob: BlobToSend,
    session: Session,
    { limitBytes, onSent, signal }: { limitBytes: number; onSent: (bytes: number) => void; signal: AbortSignal },
  ): Promise<void> {
    const start = session.doneBytes;
    const end = Math.min(blob.sizeBytes, start + limitBytes);
    const headers: Record<string, string> = {
      'content-type': 'application/octet-stream',
      'content-length': String(end - start),
      // The whole in one piece needs none, and some registries take none.
      ...((start > 0 || end < blob.sizeBytes) && { 'content-range': `${start}-${end - 1}` }),
    };
    const body = streamOf(blob.read(start, end), start, onSent);
    const ask = { method: 'PATCH', target: session.location, headers, body, scope: this.#scope };
    const response = await this.#host.send(ask, signal);
    if (response.status !== 202 && response.status !== 204) throw await this.#refusal(response);
    await response.body?.cancel();
    session.location = this.#locationOf(response);
    session.doneBytes = end;
  }

  async #finish(blob: BlobToSend, { location }: Session, signal: AbortSignal): Promise<void> {
    const target = new URL(location);
    // Added as text: what the registry wrote there may be signed as it stands.
    target.search = `${target.search === '' ? '?' : `${target.search}&`}digest=${encodeURIComponent(blob.digest)}`;
    const headers = { 'content-type': 'application/octet-stream', 'content-length': '0' };
    const response = await this.#host.send({ method: 'PUT', target, headers, scope: this.#scope }, signal);
    if (response.status !== 201 && response.status !== 204) throw await this.#refusal(response);
    await response.body?.cancel();
  }

  /** Asks how far an upload came. @returns undefined when the registry knows it no more */
  async #resume(session: Session, signal: AbortSignal): Promise<Session | undefined> {
    const response = await this.#host.send({ target: session.location, scope: this.#scope }, signal);
    await response.body?.cancel();
    const end = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.get('range') ?? '')?.[1];
    if (response.status !== 204 && response.status !== 200) return undefined;
    // `0-0` is both "one byte" and, from most registries, "nothing yet".
    const doneBytes = end === undefined || end === '0' ? 0 : Number(end) + 1;
    return { location: response.headers.has('location') ? this.#locationOf(response) : session.location, doneBytes };
  }

  async #giveUp(location: URL, signal: AbortSignal): Promise<void> {
    const response = await this.#host.send({ method: 'DELETE', target: location, scope: this.#scope }, signal);
    await response.body?.cancel();
  }

  #locationOf(response: Response): URL {
    const location = response.headers.get('location') ?? '';
    if (!URL.canParse(location, response.url))
      throw new EngineError('invalid', `cannot push to ${this.#host.endpoint.host}: it says nowhere to upload to`);
    return new URL(location, response.url);
  }

  async #refusal(response: Response): Promise<UploadRefusal> {
    const refusal = pushError(await failureOf(response), this.#host.endpoint);
    return new UploadRefusal(refusal, { status: response.status, retryAfterMs: retryAfterMs(response) });
  }

  #brokenOff({ digest }: BlobToSend, error: unknown): EngineError {
    if (error instanceof EngineError) return error;
    const why = error instanceof Error ? error.message : String(error);
    return new EngineError('unavailable', `cannot push "${digest}" to ${this.#host.endpoint.host}: ${why}`, {
      cause: error,
    });
  }
}

/** A refusal that still knows on what it depends whether trying again can help. */
class UploadRefusal extends EngineError {
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(refusal: EngineError, answer: { status: number; retryAfterMs: number | undefined }) {
    super(refusal.code, refusal.message, refusal.hint === undefined ? {} : { hint: refusal.hint });
    this.status = answer.status;
    this.retryAfterMs = answer.retryAfterMs;
  }
}

/** A stream is sent once, so an expired token or a busy registry is only noticed when it answers. */
function isWorthRetrying(error: unknown): boolean {
  if (error instanceof UploadRefusal) return [401, 404, 408, 416, 429].includes(error.status) || error.status >= 500;
  return !(error instanceof EngineError) && !isUnreachable(error);
}

function streamOf(
  bytes: AsyncIterable<Uint8Array>,
  start: number,
  onSent: (bytes: number) => void,
): ReadableStream<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  let sent = start;
  return new ReadableStream({
    pull: async (controller) => {
      const next = await iterator.next();
      if (next.done === true) return controller.close();
      sent += next.value.length;
      onSent(sent);
      controller.enqueue(next.value);
    },
    cancel: async () => {
      await iterator.return?.();
    },
  });
}
