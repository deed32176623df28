import type { RouteName } from '@gantry/api';
import { createHistogram, type Histogram, startBounds, usualBounds } from './histogram.ts';

/** A request that is being answered. */
export type OpenRequest = {
  readonly method: string;
  readonly path: string;
  readonly ageMs: number;
  /** A stream that only follows what happens: it outlives the engine that it was asked of. */
  readonly follows: boolean;
};

/** What is told of a request that is being answered. */
export type AnsweredRequest = { readonly follows: () => void; readonly ended: (status: number) => void };

/** What the doors have to do: each request from its head to the end of its answer. */
export type Requests = {
  begin(request: { readonly method: string; readonly path: string }): AnsweredRequest;
  /** Notes how long the engine took over a call that did what it was asked. */
  took(name: RouteName, ms: number): void;
  /** Oldest first. */
  open(): readonly OpenRequest[];
  /** By the first digit of the status. */
  readonly answered: ReadonlyMap<number, number>;
  readonly actions: ReadonlyMap<string, Histogram>;
  readonly starts: Histogram;
};

/** Docker's names for what is done with containers, and ours in its manner for what it does not count. */
const actionOf: Partial<Readonly<Record<RouteName, string>>> = {
  containerChanges: 'changes',
  containerCommit: 'commit',
  containerCreate: 'create',
  containerRemove: 'delete',
  containerStart: 'start',
  containerStop: 'stop',
  containerKill: 'kill',
  containerRestart: 'restart',
  containerPause: 'pause',
  containerUnpause: 'unpause',
};

export function createRequests(now: () => number): Requests {
  const open = new Set<{ readonly method: string; readonly path: string; readonly since: number; follows: boolean }>();
  const answered = new Map<number, number>();
  const actions = new Map(Object.values(actionOf).map((action) => [action, createHistogram(usualBounds)]));
  const starts = createHistogram(startBounds);
  return {
    begin: ({ method, path }) => {
      const request = { method, path, since: now(), follows: false };
      open.add(request);
      return {
        follows: () => {
          request.follows = true;
        },
        ended: (status) => {
          open.delete(request);
          const kind = Math.floor(status / 100);
          answered.set(kind, (answered.get(kind) ?? 0) + 1);
        },
      };
    },
    took: (name, ms) => {
      actions.get(actionOf[name] ?? '')?.observe(ms / 1000);
      if (name === 'containerStart') starts.observe(ms / 1000);
    },
    open: () => [...open].map(({ since, ...request }) => ({ ...request, ageMs: Math.round(now() - since) })),
    answered,
    actions,
    starts,
  };
}
