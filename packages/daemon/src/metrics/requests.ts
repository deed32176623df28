import type { RouteName } from '@gantry/api';
import { createHistogram, type Histogram, startBounds, usualBounds } from './histogram.ts';

/** A request that is being answered. */
export type OpenRequest = { readonly method: string; readonly path: string; readonly ageMs: number };

/** What the doors have to do: each request from its head to the end of its answer. */
export type Requests = {
  /** @returns what is called with the status when its answer is out */
  begin(request: { readonly method: string; readonly path: string }): (status: number) => void;
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
  const open = new Set<{ readonly method: string; readonly path: string; readonly since: number }>();
  const answered = new Map<number, number>();
  const actions = new Map(Object.values(actionOf).map((action) => [action, createHistogram(usualBounds)]));
  const starts = createHistogram(startBounds);
  return {
    begin: ({ method, path }) => {
      const request = { method, path, since: now() };
      open.add(request);
      return (status) => {
        open.delete(request);
        const kind = Math.floor(status / 100);
        answered.set(kind, (answered.get(kind) ?? 0) + 1);
      };
    },
    took: (name, ms) => {
      actions.get(actionOf[name] ?? '')?.observe(ms / 1000);
      if (name === 'containerStart') starts.observe(ms / 1000);
    },
    open: () => [...open].map(({ method, path, since }) => ({ method, path, ageMs: Math.round(now() - since) })),
    answered,
    actions,
    starts,
  };
}
