import type { PastRun } from '../engine.ts';
import type { EngineEvent, RunsAround } from '../events/types.ts';
import type { ContainerRecord } from './types.ts';

/**
 * Decides what ran at a moment: what had started and not ended, what ended later without a start in the journal, and what
 * runs since before it.
 *
 * @returns newest start first
 */
export function ranAt(
  timeNanos: bigint,
  { before, after }: RunsAround,
  containers: readonly ContainerRecord[],
): readonly PastRun[] {
  const ends = new Map(after.filter(({ action }) => action === 'die').map((event) => [event.actorId, event]));
  const told = new Set([...before, ...after].map(({ actorId }) => actorId));
  const started = before
    .filter(({ action }) => action === 'start')
    .map((start) => runOf(start, { startedAt: timeOf(start), endedAt: endOf(start, ends.get(start.actorId)) }));
  const known = new Set(before.map(({ actorId }) => actorId));
  const older = [...ends.values()]
    .filter(({ actorId }) => !known.has(actorId))
    .map((end) => runOf(end, { startedAt: undefined, endedAt: timeOf(end) }));
  const lasting = containers.filter(({ id }) => !told.has(id)).flatMap((container) => lastingRun(container));
  const moment = Number(timeNanos / 1_000_000n);
  return [...started, ...older, ...lasting]
    .filter(
      ({ startedAt, endedAt }) => (startedAt?.getTime() ?? 0) <= moment && (endedAt?.getTime() ?? moment) >= moment,
    )
    .sort((one, other) => (other.startedAt?.getTime() ?? 0) - (one.startedAt?.getTime() ?? 0));
}

function runOf({ actorId, attributes }: EngineEvent, times: Pick<PastRun, 'startedAt' | 'endedAt'>): PastRun {
  return { id: actorId, name: attributes.name ?? '', image: attributes.image ?? '', ...times };
}

/** An end while no daemon ran is booked later than it was; how long the run was, in whole seconds, is told with it. */
function endOf(start: EngineEvent, end: EngineEvent | undefined): Date | undefined {
  if (end === undefined) return undefined;
  const longestMs = (Number(end.attributes.execDuration ?? Number.POSITIVE_INFINITY) + 1) * 1000;
  return new Date(Math.min(timeOf(end).getTime(), timeOf(start).getTime() + longestMs));
}

/** A run whose start the journal has forgotten: its row still knows it. */
function lastingRun({ id, name, config, status }: ContainerRecord): readonly PastRun[] {
  if (status.kind !== 'running') return [];
  return [{ id, name, image: config.image, startedAt: status.startedAt, endedAt: undefined }];
}

function timeOf({ timeNanos }: EngineEvent): Date {
  return new Date(Number(timeNanos / 1_000_000n));
}
