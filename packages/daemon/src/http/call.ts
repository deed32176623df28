import type { BodyOf, PathParameters, QueryOf, ReplyOf, RouteName, Routes } from '@gantry/api';
import type { Answer } from './answer.ts';

/** A request as a handler sees it: exact values, no wire, no version but for the two answers whose bytes depend on it. */
export type Call<Query = unknown, Body = unknown> = {
  readonly parameters: PathParameters;
  readonly query: Query;
  readonly body: Body;
  /** The body of a route that takes an archive. */
  readonly archive: AsyncIterable<Uint8Array>;
  readonly headers: ReadonlyMap<string, string>;
  readonly version: string;
  /** The client asked for a protocol switch: only then may a hijacked stream be called multiplexed. */
  readonly isUpgrade: boolean;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
};

export type CallOf<Name extends RouteName> = Call<QueryOf<Routes[Name]>, BodyOf<Routes[Name]>>;
export type AnswerOf<Name extends RouteName> = Answer<ReplyOf<Routes[Name]>>;

/** A handler for every row of the table; a row without one does not compile. */
export type Handlers = {
  readonly [Name in RouteName]: (call: CallOf<Name>) => AnswerOf<Name> | Promise<AnswerOf<Name>>;
};

export type HandlersOf<Names extends RouteName> = Pick<Handlers, Names>;

/** The `{id}` or `{name}` of a path. */
export function idOf(call: Call): string {
  return call.parameters.id ?? call.parameters.name ?? '';
}
