import type { Codec } from '../codec/codec.ts';
import { none } from '../codec/codec.ts';

/** What an answer is made of: one document, nothing, JSON lines as they happen, bytes, or a hijacked connection. */
export type Shape = 'json' | 'empty' | 'lines' | 'bytes' | 'upgrade';
export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';

/**
 * One row of the API: the server parses by it, the client prints by it, the documentation is read from it.
 *
 * `path` holds `{parameters}`; `{name}` may hold slashes, since image names do.
 */
export type Route<Query = unknown, Body = unknown, Reply = unknown> = {
  readonly method: Method;
  readonly path: string;
  /** First API version that has it; versions below 1.24 are not spoken at all. */
  readonly since: string;
  readonly shape: Shape;
  /** Status of an answer that is not a failure. */
  readonly status: number;
  readonly query: Codec<Query>;
  readonly body: Codec<Body>;
  readonly reply: Codec<Reply>;
  readonly failures: Readonly<Record<number, string>>;
};

export type QueryOf<R> = R extends Route<infer Q, infer _B, infer _R> ? Q : never;
export type BodyOf<R> = R extends Route<infer _Q, infer B, infer _R> ? B : never;
export type ReplyOf<R> = R extends Route<infer _Q, infer _B, infer R2> ? R2 : never;

/** The body is bytes (an archive) that nobody holds in memory. */
export const stream: Codec<undefined> = { ...none };

const statusOf: Readonly<Record<Shape, number>> = { json: 200, empty: 204, lines: 200, bytes: 200, upgrade: 101 };

/** A row with its defaults filled in. */
export function route<Q, B, R>(
  row: Omit<Route<Q, B, R>, 'status' | 'failures'> & {
    readonly status?: number;
    readonly failures?: Readonly<Record<number, string>>;
  },
): Route<Q, B, R> {
  return { ...row, status: row.status ?? statusOf[row.shape], failures: { ...row.failures, 500: 'server error' } };
}
