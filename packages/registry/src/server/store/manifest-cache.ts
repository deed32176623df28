import type { Digest } from '@gantry/oci';
import type { RepositoryName } from '../names.ts';

/** A manifest as a repository serves it. */
export type StoredManifest = {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
};

/** What an entry costs beside its bytes: keys, objects, headers. */
const entryOverheadBytes = 512;

/**
 * Manifests by repository and tag or digest, the least recently used dropped first. The process owns the directory, so
 * whoever changes a repository forgets what is cached of it, and nothing stale is served.
 */
export class ManifestCache {
  readonly #maximumBytes: number;
  readonly #entries = new Map<string, StoredManifest>();
  #bytes = 0;
  #epoch = 0;

  constructor(maximumBytes: number) {
    this.#maximumBytes = maximumBytes;
  }

  get(name: RepositoryName, tagOrDigest: string): StoredManifest | undefined {
    const key = `${name}@${tagOrDigest}`;
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, found);
    return found;
  }

  /** Changes with every `forget`: what was read before one must not be cached after it. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Keeps what was read since `epoch` was taken. */
  add(name: RepositoryName, tagOrDigest: string, read: { manifest: StoredManifest; epoch: number }): void {
    const key = `${name}@${tagOrDigest}`;
    if (read.epoch !== this.#epoch || this.#entries.has(key)) return;
    this.#entries.set(key, read.manifest);
    this.#bytes += costOf(read.manifest);
    for (const [oldest, manifest] of this.#entries) {
      if (this.#bytes <= this.#maximumBytes) break;
      this.#entries.delete(oldest);
      this.#bytes -= costOf(manifest);
    }
  }

  forget(name: RepositoryName, tagsOrDigests: readonly string[]): void {
    this.#epoch++;
    for (const tagOrDigest of tagsOrDigests) {
      const key = `${name}@${tagOrDigest}`;
      const found = this.#entries.get(key);
      if (found === undefined) continue;
      this.#entries.delete(key);
      this.#bytes -= costOf(found);
    }
  }
}

/** A manifest under several names is counted for each: the bound errs on the small side. */
function costOf(manifest: StoredManifest): number {
  return manifest.bytes.length + entryOverheadBytes;
}
