import type { EventWire } from '@gantry/api';
import type { Afterlife, Engine } from '@gantry/engine';
import { attachElsewhere } from './attach-elsewhere.ts';
import { type FollowOptions, followEvents } from './follow-events.ts';

/** How what follows an engine is carried over to the one that comes after it. */
export type Succession = {
  /** Aborts when the engine that is asked now is given up for another one. */
  readonly signal: AbortSignal;
  /** Events of the engines that come after. */
  events(options: Omit<FollowOptions, 'door'>): AsyncIterable<EventWire>;
};

export type OwnSuccession = Succession & {
  /** The engine is about to be closed. */
  prepare(engine: Engine): Promise<void>;
  /** It is closed. */
  begin(): void;
  /** Another one answers at the meeting place: who waited here waits there. Call it once after each `begin`. */
  move(): Promise<void>;
};

/** @param door where every daemon of these roots answers the others */
export function createSuccession(door: string, now: () => Date): OwnSuccession {
  let current = new AbortController();
  let afterlife: { readonly engine: Afterlife; readonly sinceNanos: bigint } | undefined;
  const end = new AbortController();
  const follow = async ({ engine, sinceNanos }: NonNullable<typeof afterlife>): Promise<void> => {
    const filters = { type: ['container'], event: ['die', 'destroy', 'exec_die'] };
    for await (const { Action, Actor } of followEvents({ door, sinceNanos, filters, signal: end.signal }))
      engine.heard({ action: Action, actorId: Actor.ID, attributes: Actor.Attributes });
  };
  return {
    get signal() {
      return current.signal;
    },
    events: (options) => followEvents({ ...options, door }),
    prepare: async (engine) => {
      afterlife = { engine: await engine.handOver(), sinceNanos: BigInt(now().getTime()) * 1_000_000n };
    },
    begin: () => {
      const given = current;
      current = new AbortController();
      given.abort();
    },
    move: async () => {
      if (afterlife === undefined) return;
      void follow(afterlife);
      await afterlife.engine.moveGuests((id, streams) => attachElsewhere(door, id, streams));
    },
  };
}
