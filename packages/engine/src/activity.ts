import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerDeps } from './containers/index.ts';
import type { EngineActivity } from './engine.ts';
import type { JobRoom } from './jobs/index.ts';

type ActivityDeps = Pick<ContainerDeps, 'store' | 'execs' | 'tasks' | 'events' | 'health' | 'locks' | 'dataRoot'> & {
  readonly jobs: JobRoom;
};

/** Reads what an engine is busy with; nothing is waited for. */
export function readActivity(deps: ActivityDeps): EngineActivity {
  const keys = [...deps.store.list(), ...deps.execs.listRunning()].map(({ id }) => id);
  const database = join(deps.dataRoot, 'gantry.db');
  return {
    events: deps.events.counts(),
    healthChecks: deps.health.counts(),
    tasks: keys.filter((key) => deps.tasks.find(key) !== undefined).length,
    jobs: deps.jobs.list(),
    locks: deps.locks.held.map(({ key, since }) => ({ key, heldMs: Math.round(performance.now() - since) })),
    database: { bytes: sizeOf(database), logBytes: sizeOf(`${database}-wal`) },
  };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
