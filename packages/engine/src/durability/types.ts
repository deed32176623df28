/** Files that a row speaks of: a layer's tree by its chain ID, a blob by its digest. */
export type Written = { readonly kind: 'layer' | 'blob'; readonly name: string };

/**
 * Knows which files are on the disk for good, and which are perhaps only in the kernel's memory.
 *
 * One life of a file: `note` in the transaction that records it; `syncSoon` once the whole image is recorded; a thread
 * syncs the data root, and the note is gone. A note that another boot of the machine left behind is a file that may be
 * torn. Disposing syncs what is noted still, for as long as a stop may take.
 */
export type Durability = AsyncDisposable & {
  /** Remembers that these files may not be on the disk yet. Joins the caller's transaction. */
  note(written: Written): void;
  /** How many noted files are not on the disk for good. */
  pending(): number;
  /** Syncs in the background, in a moment. */
  syncSoon(): void;
  /**
   * Set when the machine was started again since this database was last used, and when the database is new: what was
   * noted and never synced. Whoever has removed all that he cannot trust calls `settle`.
   */
  readonly interrupted: Interrupted | undefined;
  /** What `interrupted` told is dealt with; what is on the disk now is what the rows say. */
  settle(): void;
};

export type Interrupted = {
  readonly suspects: readonly Written[];
  /** The last moment up to which everything recorded was on the disk; undefined when there was none. */
  readonly syncedAt: Date | undefined;
};
