import { EngineError, isEngineError } from '@gantry/base';
import type { Digest, Reference } from '@gantry/oci';
import type { Credentials } from '../../client/authorizer.ts';
import { endpointOf, usualConfigDirs } from '../../client/endpoint.ts';
import type { Proxies } from '../../client/proxy.ts';
import type { Referrer } from '../../client/referrers.ts';
import { RegistryHost } from '../../client/registry-host.ts';
import { type FetchedManifest, Repository } from '../../client/repository.ts';
import type { BlobCall } from '../http/call.ts';
import type { RepositoryName, TagOrDigest } from '../names.ts';
import { parsePushedManifest } from '../pushed-manifest.ts';
import { RegistryError } from '../registry-error.ts';
import { expectBlob, findExpected } from '../store/blobs.ts';
import { findManifest, removeTag, writeManifest } from '../store/manifests.ts';
import type { Store } from '../store/store.ts';
import { answerBlob, unknownBlob } from '../verbs/get-blob.ts';
import { Download } from './download.ts';

export type UpstreamOptions = {
  readonly url: URL;
  readonly credentials: Credentials;
  readonly proxies: Proxies;
  /** How long a tag is served without asking upstream again. */
  readonly freshMs: number;
};

/**
 * Another registry, whose content this one keeps as it is asked for. What was fetched is served when upstream cannot be
 * reached.
 */
export class Upstream {
  readonly #store: Store;
  readonly #options: UpstreamOptions;
  readonly #reportFault: (error: unknown) => void;
  readonly #repositories = new Map<RepositoryName, Repository>();
  readonly #checkedAt = new Map<string, number>();
  readonly #refreshing = new Map<string, Promise<'fresh' | 'stale'>>();
  readonly #downloads = new Map<string, Download>();
  readonly #life = new AbortController();

  /** @param reportFault told of downloads that came to nothing */
  constructor(store: Store, options: UpstreamOptions, reportFault: (error: unknown) => void) {
    this.#reportFault = reportFault;
    this.#store = store;
    this.#options = options;
  }

  /** Ends what is being fetched. */
  close(): void {
    this.#life.abort(new EngineError('cancelled', 'the registry is shutting down'));
  }

  /**
   * Fetches a manifest into the store when it is not there, or when it is a tag that was not asked for lately.
   *
   * @returns `stale`: upstream cannot be reached, and the store has an older one
   * @throws UNKNOWN with status 502 when upstream cannot be reached and the store has nothing
   */
  async refreshManifest(name: RepositoryName, asked: TagOrDigest): Promise<'fresh' | 'stale'> {
    const key = `${name}@${asked.kind === 'tag' ? asked.tag : asked.digest}`;
    const known = await findManifest(this.#store, name, asked);
    const checkedAt = this.#checkedAt.get(key) ?? 0;
    const isFresh = asked.kind === 'digest' || this.#store.now() - checkedAt < this.#options.freshMs;
    if (known !== undefined && isFresh) return 'fresh';
    const running = this.#refreshing.get(key) ?? this.#refresh(name, asked, known !== undefined);
    this.#refreshing.set(key, running);
    try {
      const result = await running;
      if (result === 'fresh') remember(this.#checkedAt, key, this.#store.now());
      return result;
    } finally {
      this.#refreshing.delete(key);
    }
  }

  async #refresh(name: RepositoryName, asked: TagOrDigest, isKnown: boolean): Promise<'fresh' | 'stale'> {
    try {
      const text = asked.kind === 'tag' ? asked.tag : asked.digest;
      const fetched = await this.#repository(name).fetchManifest(text, this.#life.signal);
      await this.#keep(name, asked, fetched);
      return 'fresh';
    } catch (error) {
      if (!isEngineError(error)) throw error;
      if (error.code === 'not-found') {
        // It is gone there: what was kept of it is no longer what the tag means.
        if (asked.kind === 'tag') await this.#dropTag(name, asked.tag);
        return 'fresh';
      }
      if (isKnown) return 'stale';
      throw badGateway(error);
    }
  }

  async #keep(name: RepositoryName, asked: TagOrDigest, fetched: FetchedManifest): Promise<void> {
    const parsed = parsePushedManifest(fetched.bytes, fetched.mediaType);
    using _pins = this.#store.pins.hold([fetched.digest, ...parsed.parts.map(({ digest }) => digest)]);
    await using _lock = await this.#store.locks.hold(name);
    // Noted before the manifest is there: how large a blob is says nothing but the manifest.
    for (const { kind, digest, sizeBytes } of parsed.parts)
      if (kind === 'blob') await expectBlob(this.#store, name, { digest, sizeBytes });
    const bytes = Uint8Array.from(fetched.bytes);
    const manifest = { digest: fetched.digest, mediaType: parsed.mediaType, bytes };
    await writeManifest(this.#store, name, { manifest, parsed, tags: asked.kind === 'tag' ? [asked.tag] : [] });
  }

  async #dropTag(name: RepositoryName, tag: string): Promise<void> {
    await using _lock = await this.#store.locks.hold(name);
    await removeTag(this.#store, name, tag);
  }

  /** All tags as upstream has them; undefined when it cannot be reached, and what is kept must do. */
  async listTags(name: RepositoryName, signal: AbortSignal): Promise<readonly string[] | undefined> {
    try {
      return await this.#repository(name).listTags(AbortSignal.any([signal, this.#life.signal]));
    } catch (error) {
      if (!isEngineError(error)) throw error;
      return error.code === 'not-found' ? [] : undefined;
    }
  }

  /** What refers to a digest as upstream has it; undefined when it cannot be reached, and what is kept must do. */
  async listReferrers(
    name: RepositoryName,
    subject: Digest,
    signal: AbortSignal,
  ): Promise<readonly Referrer[] | undefined> {
    try {
      return await this.#repository(name).listReferrers(subject, AbortSignal.any([signal, this.#life.signal]));
    } catch (error) {
      if (isEngineError(error)) return undefined;
      throw error;
    }
  }

  /**
   * Answers for a blob that this repository does not have yet, passing it on while it arrives. Its size comes from the
   * manifest that named it.
   *
   * SAFETY: bytes that another repository has are fetched again all the same: a manifest may name the digest of what its
   * author cannot read.
   *
   * @returns undefined when no manifest of this repository named it
   * @throws BLOB_UNKNOWN, UNKNOWN with status 502
   */
  async passBlob({ name, digest, request }: BlobCall): Promise<Response | undefined> {
    const sizeBytes = await findExpected(this.#store, name, digest);
    if (sizeBytes === undefined) return undefined;
    const blob = { digest, sizeBytes };
    if (request.method === 'HEAD') return answerBlob(request, blob, () => new Blob([]));
    const download = this.#download(name, blob);
    try {
      await download.begun();
    } catch (error) {
      if (!isEngineError(error)) throw error;
      throw error.code === 'not-found' ? unknownBlob(digest) : badGateway(error);
    }
    return answerBlob(request, blob, (range) => streamOf(download.read(range)));
  }

  /** One download for a repository and a digest, whoever asks and however often. */
  #download(name: RepositoryName, blob: { digest: Digest; sizeBytes: number }): Download {
    const key = `${name}@${blob.digest}`;
    const running = this.#downloads.get(key);
    if (running !== undefined) return running;
    const download = new Download(this.#store, name, blob);
    this.#downloads.set(key, download);
    const source = this.#repository(name).readBlob(blob, this.#life.signal);
    void download.run(source).then((failure) => {
      this.#downloads.delete(key);
      if (failure !== undefined) this.#reportFault(failure);
    });
    return download;
  }

  #repository(name: RepositoryName): Repository {
    const found = this.#repositories.get(name);
    if (found !== undefined) return found;
    const { url, credentials, proxies } = this.#options;
    const reference: Reference = { domain: url.host, path: name, tag: undefined, digest: undefined };
    const endpoint = endpointOf(url.host, { insecure: [], mirrors: [], configDirs: usualConfigDirs, proxies });
    // The URL says how it is spoken to: what is written as http is not tried as https first.
    const scheme = url.protocol === 'http:' ? 'http' : 'https';
    const host = new RegistryHost({ ...endpoint, scheme }, { credentials, proxies });
    const repository = new Repository(host, reference);
    remember(this.#repositories, name, repository);
    return repository;
  }
}

/** Clients choose the names, so no more are kept than this. */
const maximumRemembered = 10_000;

function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  const [oldest] = map.keys();
  if (map.size >= maximumRemembered && oldest !== undefined) map.delete(oldest);
  map.set(key, value);
}

function badGateway(error: EngineError): RegistryError {
  return new RegistryError('UNKNOWN', `cannot reach the upstream registry: ${error.message}`, {
    status: 502,
    cause: error,
  });
}

/** A generator as a body: it runs only as fast as the client reads, and ends when the client goes. */
function streamOf(source: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: async (controller) => {
      const next = await source.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: async () => {
      await source.return(undefined);
    },
  });
}
