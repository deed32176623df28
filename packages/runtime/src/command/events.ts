import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '@gantry/base';
import { parseExitRecord } from '@gantry/native';
import { parseOomKills } from '../cgroup/counters.ts';
import { readKernelText } from '../cgroup/key-values.ts';
import { cgroupFiles } from '../cgroup/layout.ts';
import type { CgroupLayout } from '../facts.ts';
import { probeHostFacts } from '../probe-facts.ts';
import { type ContainerStore, type StoredContainer, statusOf } from './container-store.ts';
import { readStats } from './stats.ts';

export type FollowOptions = {
  readonly intervalMs: number;
  readonly print: (text: string) => void;
};

/** How often the kernel's count of OOM kills is looked at: often enough for a person, too seldom to be felt. */
const pollMs = 100;

/** `events --stats`: one document of what a container uses. @throws conflict when it has ended */
export function printStats(store: ContainerStore, id: string, print: (text: string) => void): void {
  const { container, layout } = getLive(store, id);
  print(formatEvent({ type: 'stats', id, data: readStats(layout, container.cgroupPath) }));
}

/**
 * `events`: a document of what a container uses at every interval, and one as soon as a process of it was killed for
 * want of memory, until it ends.
 *
 * @throws conflict when it has ended before
 */
export async function followEvents(store: ContainerStore, id: string, options: FollowOptions): Promise<void> {
  const { container, layout } = getLive(store, id);
  const directory = store.directory(id);
  const { oom = '' } = cgroupFiles(layout, container.cgroupPath);
  const countKills = (): number => (oom === '' ? 0 : parseOomKills(readKernelText(oom)));
  const reportOom = (): void => options.print(formatEvent({ type: 'oom', id }));
  const atStart = countKills();
  let seen = atStart;
  let nextStats = performance.now() + options.intervalMs;
  for (;;) {
    await delay(Math.min(pollMs, options.intervalMs));
    const kills = countKills();
    if (kills > seen) reportOom();
    seen = Math.max(seen, kills);
    const stats = performance.now() < nextStats ? undefined : readStats(layout, container.cgroupPath);
    if (statusOf(container, directory, layout) === 'stopped') break;
    if (stats === undefined) continue;
    options.print(formatEvent({ type: 'stats', id, data: stats }));
    nextStats += options.intervalMs;
  }
  // The count goes with the cgroup; what became of it stands in the record of the exit.
  if (seen === atStart && wasOomKilled(directory)) reportOom();
}

function getLive(store: ContainerStore, id: string): { container: StoredContainer; layout: CgroupLayout } {
  const container = store.get(id);
  const layout = probeHostFacts().cgroup;
  if (statusOf(container, store.directory(id), layout) === 'stopped') {
    throw new EngineError('conflict', `container with id ${id} is not running`);
  }
  return { container, layout };
}

function wasOomKilled(directory: string): boolean {
  const path = join(directory, 'exit');
  return existsSync(path) && parseExitRecord(readFileSync(path, 'utf8')).oomKilled;
}

type Event = { readonly type: 'stats' | 'oom'; readonly id: string; readonly data?: unknown };

/** One line of JSON, counters with all their digits: JSON has no word for them but a string, whose quotes are taken off. */
function formatEvent(event: Event): string {
  const text = JSON.stringify(event, (_, value: unknown) => (typeof value === 'bigint' ? `#${value}` : value));
  return `${text.replace(/"#(-?\d+)"/g, '$1')}\n`;
}
