import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '@gantry/base';
import { type Digest, splitDigest } from '@gantry/oci';
import type { ByteRange } from '../byte-range.ts';
import type { RepositoryName } from '../names.ts';
import { RegistryError } from '../registry-error.ts';
import { commitContent, linkBlob } from '../store/blobs.ts';
import type { Store } from '../store/store.ts';

const readBytes = 256 * 1024;

/**
 * One blob on its way from upstream to the disk and into a repository, read by any number of clients meanwhile.
 *
 * SAFETY: the last byte is given to nobody before the digest of all is verified, so that a client never ends up with a
 * whole body of wrong bytes.
 */
export class Download {
  readonly #path: string;
  readonly #store: Store;
  readonly #name: RepositoryName;
  readonly #blob: { readonly digest: Digest; readonly sizeBytes: number };
  #available = 0;
  #failure: unknown;
  #ended = false;
  #changed = Promise.withResolvers<void>();

  constructor(store: Store, name: RepositoryName, blob: { digest: Digest; sizeBytes: number }) {
    this.#store = store;
    this.#name = name;
    this.#blob = blob;
    this.#path = join(store.layout.temporary, randomUUID());
  }

  /**
   * Takes all bytes from upstream, verifies and keeps them. It never throws: who reads is told what went wrong.
   *
   * @returns what went wrong; undefined when nothing did
   */
  async run(source: AsyncIterable<Uint8Array>): Promise<unknown> {
    try {
      await this.#fill(source);
    } catch (error) {
      this.#failure = error;
    } finally {
      await rm(this.#path, { force: true });
      this.#ended = true;
      this.#tell(this.#available);
    }
    return this.#failure;
  }

  async #fill(source: AsyncIterable<Uint8Array>): Promise<void> {
    const { digest, sizeBytes } = this.#blob;
    const { algorithm, hex } = splitDigest(digest);
    const hash = createHash(algorithm);
    using _pin = this.#store.pins.hold([digest]);
    {
      await using file = await open(this.#path, 'wx', 0o644);
      let written = 0;
      for await (const chunk of source) {
        await file.writeFile(chunk);
        hash.update(chunk);
        written += chunk.length;
        this.#tell(Math.min(written, sizeBytes - 1));
      }
      await file.datasync();
    }
    if (hash.digest('hex') !== hex)
      throw new RegistryError('UNKNOWN', 'the upstream registry sent other bytes than those of this digest', {
        status: 502,
      });
    await commitContent(this.#store, this.#path, digest);
    await linkBlob(this.#store, this.#name, this.#blob);
    this.#tell(sizeBytes);
  }

  #tell(available: number): void {
    this.#available = available;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Waits until upstream sends something. @throws what broke the download before that */
  async begun(): Promise<void> {
    while (this.#available === 0 && !this.#ended) await this.#changed.promise;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The bytes of a range, as they arrive. @throws what broke the download */
  async *read({ first, last }: ByteRange): AsyncGenerator<Uint8Array> {
    const buffer = new Uint8Array(readBytes);
    let offset = first;
    while (offset <= last) {
      if (this.#available <= offset) {
        if (this.#failure !== undefined) throw this.#failure;
        await this.#changed.promise;
        continue;
      }
      const length = Math.min(buffer.length, this.#available - offset, last + 1 - offset);
      const bytes = await this.#readAt(buffer.subarray(0, length), offset);
      yield bytes.slice();
      offset += bytes.length;
    }
  }

  async #readAt(into: Uint8Array, offset: number): Promise<Uint8Array> {
    await using file = await this.#open();
    const { bytesRead } = await file.read(into, 0, into.length, offset);
    if (bytesRead === 0) throw new Error(`unreachable: byte ${offset} of ${this.#blob.digest} is not in its file`);
    return into.subarray(0, bytesRead);
  }

  /** The file changes its name when it is complete, and that may be just now. */
  async #open(): Promise<FileHandle> {
    try {
      return await open(this.#path, 'r');
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
      return await open(this.#store.layout.blob(this.#blob.digest), 'r');
    }
  }
}
