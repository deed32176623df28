import type { Growth } from '@gantry/layer';
import type { Digest } from '@gantry/oci';

export type StoredBlob = { readonly digest: Digest; readonly sizeBytes: number };

export type DamagedBlob = {
  readonly digest: Digest;
  readonly path: string;
  /** What is wrong with it, as the end of a sentence about it. */
  readonly problem: string;
};

/** A blob on its way in: written to a temporary file, named and recorded once it is verified. Disposing drops it. */
export type Ingest = Disposable & {
  /** Host path of the temporary file. */
  readonly path: string;
  /** How far the file has grown, for a reader in another thread. */
  readonly growth: Growth;
  readonly sizeBytes: number;
  write(bytes: Uint8Array): void;
  /** All bytes are there; they may still turn out wrong. */
  complete(): void;
  /** Gives the file its name and records it. The caller has verified the digest, and somebody holds it already. */
  commit(digest: Digest): void;
  /** Disposing leaves the file for a later `resume` of the same digest; without effect on one that has no digest yet. */
  keep(): void;
};

/**
 * Blobs by digest, on disk as `blobs/sha256/<hex>`.
 *
 * One life: `hold` by the job that wants it, `ingest`, `write` …, `complete`, verify, `commit`; then it is there as long
 * as somebody holds it. A user is `image:<id>` or `job:<id>`; when the last one releases a blob, its row and then its
 * file are removed.
 */
export type ContentRoom = {
  /** Host path of a recorded blob's file. */
  find(digest: Digest): { readonly path: string; readonly sizeBytes: number } | undefined;
  ingest(): Ingest;
  /** The same for a known digest, with the bytes that an earlier try left; they are not verified. */
  resume(digest: Digest): Ingest;
  /** A digest may be held before it is there: so it cannot be collected between its commit and the image's row. */
  hold(digest: Digest, user: string): void;
  /** Releases all that `user` holds. @returns the bytes gained */
  release(user: string): number;
  /** The same for a pull that may be taken up again: what nobody else holds becomes a partial blob that has all bytes. */
  suspend(user: string): void;
  /** What blobs take that wait for a pull to go on. */
  partialBytes(): number;
  /** Removes them, but for those that a pull goes on with now. @returns the bytes gained */
  dropPartials(): number;
  /** What `release` would gain for each of these users in turn. Nothing is changed. */
  planReleases(users: readonly string[]): readonly number[];
  /** The blobs that `user` holds and that are there. */
  heldBy(user: string): readonly StoredBlob[];
  usersOf(digest: Digest): readonly string[];
  list(): readonly StoredBlob[];
  /** Blobs whose file is not what the row says; with `reads` also by its digest, which reads every byte. */
  damaged(options: { reads: boolean }, signal: AbortSignal): Promise<readonly DamagedBlob[]>;
  /** Drops a blob whoever holds it, row and file: its holders hold a blob that may come again. */
  forget(digest: Digest): void;
  /** Host paths of files that no row owns and nobody is writing. */
  strays(): readonly string[];
  /** Removes one of them; nothing when somebody owns it by now. */
  removeStray(path: string): void;
  /**
   * Removes what a killed daemon left: temporary files, files without row, blobs of users that are gone. What a pull had
   * of a blob stays for a day, so that the next one goes on there.
   */
  sweep(isAlive: (user: string) => boolean): void;
};
