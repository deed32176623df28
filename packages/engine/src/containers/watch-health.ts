import { setTimeout as delay } from 'node:timers/promises';
import type { Task } from '../tasks/index.ts';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { afterProbe, longestTimerMs, probeCommand, probeDelayMs, probeTimeoutMs, startingHealth } from './health.ts';
import { runProbe } from './probe.ts';
import type { ContainerRecord, ProbeResult } from './types.ts';

/**
 * Probes a running container for as long as it runs, when it has a healthcheck. A paused one is left in peace and waits a
 * whole interval after that.
 */
export async function watchHealth(deps: ContainerDeps, id: string, task: Task): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  task.exited.then(end, end);
  for (let container = running(deps, id, task); container !== undefined; container = running(deps, id, task)) {
    const { healthcheck } = container.config;
    const command = probeCommand(container.config);
    if (healthcheck === undefined || command === undefined) return;
    const sinceStartMs = deps.now().getTime() - container.status.startedAt.getTime();
    const health = deps.health.find(id) ?? startingHealth;
    if (!(await restedFor(probeDelayMs(healthcheck, health, sinceStartMs), over.signal))) return;
    if (running(deps, id, task)?.status.paused !== false) continue;
    const result = await runProbe(deps, id, { command, timeoutMs: probeTimeoutMs(healthcheck) });
    deps.health.count(result.exitCode !== 0);
    // What an ending container's probe said is of no use to anyone.
    if (!over.signal.aborted) tryToBook(deps, id, { task, result });
  }
}

type Running = ContainerRecord & { readonly status: Extract<ContainerRecord['status'], { kind: 'running' }> };

/** The container while this very run of it goes on. */
function running(deps: ContainerDeps, id: string, task: Task): Running | undefined {
  if (deps.background.closed) return undefined;
  const container = deps.store.find(id);
  if (container?.status.kind !== 'running' || container.status.pid !== task.pid) return undefined;
  return { ...container, status: container.status };
}

/** @returns false when the run ended first */
async function restedFor(delayMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(Math.min(delayMs, longestTimerMs), undefined, { signal, ref: false });
    return true;
  } catch {
    return false; // the signal is the only thing that ends a delay early
  }
}

/** A result that cannot be booked, on a full disk say, is lost; the watch goes on. */
function tryToBook(deps: ContainerDeps, id: string, probed: { task: Task; result: ProbeResult }): void {
  try {
    bookProbe(deps, id, probed);
  } catch (error) {
    deps.report(`health of ${id}`, error);
  }
}

function bookProbe(deps: ContainerDeps, id: string, { task, result }: { task: Task; result: ProbeResult }): void {
  deps.db.tx(() => {
    const container = running(deps, id, task);
    const check = container?.config.healthcheck;
    if (container === undefined || check === undefined) return;
    const before = deps.health.find(id) ?? startingHealth;
    const after = afterProbe(before, result, { check, startedAt: container.status.startedAt });
    deps.health.put(id, after);
    if (after.status === before.status) return;
    deps.events.record('container', `health_status: ${after.status}`, id, containerEvent(container));
  });
}
