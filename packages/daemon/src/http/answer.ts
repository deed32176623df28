import type { Duplex } from 'node:stream';

/** What a handler gives back; the server does the rest. `Reply` is the document type of the route's row. */
export type Answer<Reply> =
  | { readonly kind: 'document'; readonly value: Reply; readonly status?: number }
  | { readonly kind: 'nothing'; readonly status?: number }
  | { readonly kind: 'text'; readonly body: string; readonly headers: Readonly<Record<string, string>> }
  | {
      readonly kind: 'lines';
      readonly lines: AsyncIterable<Reply>;
      /**
       * `now`: the client waits for the headers before it goes on (`wait`, `events`). `first-line`: a failure before any
       * line is an ordinary failure with its own status (`pull`).
       */
      readonly headers: 'now' | 'first-line';
      /** How a failure reads once the status is sent; undefined: the stream just breaks off. */
      readonly failure?: (failure: { message: string; hint?: string }) => Reply;
    }
  | {
      readonly kind: 'bytes';
      readonly contentType: string;
      readonly chunks: AsyncIterable<Uint8Array>;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'hijack';
      readonly contentType: string;
      /** Owns the stream until it settles; the connection ends then. */
      readonly run: (client: Duplex) => Promise<void>;
    };

export const nothing = { kind: 'nothing' } as const;

export function documentOf<Reply>(value: Reply): Answer<Reply> {
  return { kind: 'document', value };
}
