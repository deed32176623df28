/** What a thread is asked: tell one layer's tar as a difference from another's. */
export type DeltaRequest = {
  /** Paths of blobs, compressed or not. */
  readonly base: string;
  readonly target: string;
  /** Path of the file to make. */
  readonly output: string;
  /** A larger one is of no use. */
  readonly maximumBytes: number;
};

export type DeltaReply =
  | { readonly kind: 'made'; readonly sizeBytes: number }
  /** It would be too large, or one of the two is nothing that can be read. */
  | { readonly kind: 'useless'; readonly why: string }
  | { readonly kind: 'failed'; readonly message: string };
