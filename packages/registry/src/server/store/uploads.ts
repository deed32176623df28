import { createHash, type Hash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { KeyedLock } from '@gantry/base';
import { type Digest, type DigestAlgorithm, parseFields, splitDigest } from '@gantry/oci';
import { isUploadId, parseAlgorithm, parseUploadId, type RepositoryName, type UploadId } from '../names.ts';
import { RegistryError } from '../registry-error.ts';
import { listNames, readText, statFile, writeWhole } from './files.ts';
import type { Layout } from './layout.ts';

/** One upload session, held by one request. */
export type Upload = {
  readonly id: UploadId;
  readonly algorithm: DigestAlgorithm;
  /** What has arrived so far. */
  readonly sizeBytes: number;
  readonly dataPath: string;
};

/** A hash of the first bytes of an upload, so that they need not be read again; `bytes` is -1 while one more is written. */
type Hashed = { readonly hash: Hash; readonly algorithm: DigestAlgorithm; bytes: number };

const unknown = (): RegistryError => new RegistryError('BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
/** Larger blobs are refused; the disk is what ends sooner. */
const maximumBlobBytes = 2 ** 42;

/**
 * Upload sessions: a directory each, so that they outlive the process. Bytes are hashed while they arrive; after a
 * restart they are read once more.
 */
export class Uploads {
  readonly #layout: Layout;
  readonly #locks = new KeyedLock();
  /** The request that writes to an upload now. */
  readonly #writers = new Map<UploadId, AbortController>();
  readonly #hashed = new Map<UploadId, Hashed>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** How many have a request at work. */
  get activeCount(): number {
    return this.#writers.size;
  }

  async start(name: RepositoryName, algorithm: DigestAlgorithm): Promise<UploadId> {
    const id = parseUploadId(randomUUID());
    const directory = this.#layout.upload(id);
    await mkdir(directory);
    await using _data = await open(join(directory, 'data'), 'wx', 0o644);
    // The state comes last: a session without one was never handed out.
    const state = JSON.stringify({ repository: name, algorithm });
    await writeWhole(this.#layout.temporary, join(directory, 'state'), state);
    this.#hashed.set(id, { hash: createHash(algorithm), algorithm, bytes: 0 });
    return id;
  }

  /** Looks at a session of a repository. @throws BLOB_UPLOAD_UNKNOWN */
  async get(name: RepositoryName, id: UploadId): Promise<Upload> {
    const directory = this.#layout.upload(id);
    const dataPath = join(directory, 'data');
    const text = await readText(join(directory, 'state'));
    const data = statFile(dataPath);
    // Empty after a power cut.
    if (text === undefined || text === '' || data === undefined) throw unknown();
    const state = parseFields(text, 'upload state');
    if (state.text('repository') !== name) throw unknown();
    return { id, algorithm: parseAlgorithm(state.text('algorithm')), sizeBytes: data.size, dataPath };
  }

  /**
   * Takes a session for one request. A request that still writes to it is ended first: its client has come back, over
   * another connection, and knows best.
   */
  async hold(id: UploadId, signal: AbortSignal): Promise<AsyncDisposable & { readonly signal: AbortSignal }> {
    this.#writers.get(id)?.abort(new RegistryError('BLOB_UPLOAD_INVALID', 'another request took over this upload'));
    const lock = await this.#locks.hold(id, signal);
    const own = new AbortController();
    this.#writers.set(id, own);
    const release = async (): Promise<void> => {
      if (this.#writers.get(id) === own) this.#writers.delete(id);
      await lock[Symbol.asyncDispose]();
    };
    return { signal: AbortSignal.any([signal, own.signal]), [Symbol.asyncDispose]: release };
  }

  /**
   * Appends a body, hashing it on its way to the disk. What arrived of a body that breaks off stays: the client may go
   * on from there.
   *
   * @param limitBytes a longer body is taken back whole
   * @returns the size of the upload now
   */
  async append(upload: Upload, body: AsyncIterable<Uint8Array>, limitBytes: number | undefined): Promise<number> {
    const hashed = this.#hashedUpTo(upload);
    let sizeBytes = upload.sizeBytes;
    const most = upload.sizeBytes + Math.min(limitBytes ?? maximumBlobBytes, maximumBlobBytes);
    {
      await using file = await open(upload.dataPath, 'a');
      for await (const chunk of body) {
        if (sizeBytes + chunk.length > most) {
          await this.truncate(upload);
          throw new RegistryError('SIZE_INVALID', 'the body is longer than its range');
        }
        // A write that fails leaves a hash of bytes that are not there: it must not count for any length.
        if (hashed !== undefined) hashed.bytes = -1;
        const written = file.writeFile(chunk);
        hashed?.hash.update(chunk);
        await written;
        sizeBytes += chunk.length;
        if (hashed !== undefined) hashed.bytes = sizeBytes;
      }
    }
    return sizeBytes;
  }

  /** The hash of everything there; undefined when it is of other bytes, after a restart or a failed write. */
  #hashedUpTo(upload: Upload): Hashed | undefined {
    const hashed = this.#hashed.get(upload.id);
    return hashed?.bytes === upload.sizeBytes ? hashed : undefined;
  }

  /** Makes an upload as long as it was when `upload` was looked at. */
  async truncate(upload: Upload): Promise<void> {
    this.#hashed.delete(upload.id);
    await truncate(upload.dataPath, upload.sizeBytes);
  }

  /** Checks all bytes against a digest and puts them on disk. @throws DIGEST_INVALID */
  async verify(upload: Upload, digest: Digest): Promise<void> {
    const { algorithm, hex } = splitDigest(digest);
    const hashed = this.#hashedUpTo(upload);
    const actual =
      hashed?.algorithm === algorithm ? hashed.hash.copy().digest('hex') : await hashFile(upload.dataPath, algorithm);
    if (actual !== hex) {
      throw new RegistryError('DIGEST_INVALID', 'provided digest did not match uploaded content', {
        detail: { provided: digest, actual: `${algorithm}:${actual}` },
      });
    }
    await using file = await open(upload.dataPath, 'r+');
    await file.datasync();
  }

  /** Ends a session and removes what is left of it. */
  async remove(id: UploadId): Promise<void> {
    this.#hashed.delete(id);
    await rm(this.#layout.upload(id), { recursive: true, force: true });
  }

  /** Removes sessions that nobody wrote to since `beforeMs`, in Unix milliseconds. @returns how many */
  async expire(beforeMs: number): Promise<number> {
    let count = 0;
    for (const id of (await listNames(this.#layout.uploads)).filter(isUploadId)) {
      const directory = this.#layout.upload(id);
      const touched = statFile(join(directory, 'data')) ?? statFile(directory);
      if (touched === undefined || touched.mtimeMs >= beforeMs || this.#writers.has(id)) continue;
      await this.remove(id);
      count++;
    }
    return count;
  }
}

async function hashFile(path: string, algorithm: DigestAlgorithm): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk);
  return hash.digest('hex');
}
