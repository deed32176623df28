import type { ExitRecord } from '@gantry/native';
import type { ExitFacts, LogOptions, Why } from '../engine.ts';
import { readLogs } from '../logs/index.ts';
import { readExitRecord } from '../tasks/index.ts';
import type { ContainerDeps } from './deps.ts';
import { explain } from './explain.ts';
import { findHang, type Hang, hangOf } from './hang.ts';
import { containerPaths } from './paths.ts';
import { restartsAt } from './restarts-at.ts';
import { lastRun, runActions } from './run-events.ts';
import type { ContainerRecord } from './types.ts';

type WhyDeps = Pick<ContainerDeps, 'store' | 'events' | 'health' | 'dataRoot' | 'now' | 'live' | 'tasks'>;

/** Enough for a run that was sent many signals. */
const eventLimit = 200;
const logLineCount = 10;
const longestLogLine = 1000;
/** Ten lines of a log that somebody fills with megabytes are not read to their end. */
const longestLogBytes = 1 << 20;

const lastLines: LogOptions = {
  follow: false,
  stdout: true,
  stderr: true,
  sinceNanos: 0n,
  untilNanos: 0n,
  timestamps: false,
  details: false,
  tail: logLineCount,
};

/** Gathers what was recorded of a container, and explains it. Nothing is guessed: what nobody recorded is said to be unknown. */
export async function whyContainer(deps: WhyDeps, ref: string): Promise<Why> {
  const container = deps.store.resolve(ref);
  const run = lastRun(deps.events.recent(container.id, runActions, eventLimit));
  const exit = exitOf(container, readExitRecord(containerPaths(deps.dataRoot, container.id).exitRecord));
  const health = container.config.healthcheck === undefined ? undefined : deps.health.find(container.id);
  return {
    container,
    sentences: explain({ container, exit, run, health, now: deps.now(), hang: hangNow(deps, container) }),
    exit,
    signals: run.signals,
    restartsAt: restartsAt(container),
    health,
    logLines: await readLastLines(deps, container),
  };
}

/** Also when nobody has noticed yet; a process that waits in the kernel just now is mostly none that hangs. */
function hangNow(deps: WhyDeps, container: ContainerRecord): Hang | undefined {
  const { status } = container;
  const found = status.kind === 'running' ? findHang(status.pid, status.paused) : undefined;
  return found?.isStopped === true ? found : hangOf(deps, container);
}

/** A record tells of the last end if its time is the one that was booked; a start that failed leaves none. */
function exitOf({ status }: ContainerRecord, record: ExitRecord | undefined): ExitFacts | undefined {
  if (record === undefined || !('finishedAt' in status)) return undefined;
  const finishedAt = new Date(Number(BigInt(record.finishedAt) / 1_000_000n));
  if (finishedAt.getTime() !== status.finishedAt.getTime()) return undefined;
  const { exitCode, signal, oomKilled } = record;
  return { exitCode, signal, oomKilled, startedAt: status.startedAt ?? finishedAt, finishedAt };
}

async function readLastLines({ dataRoot }: WhyDeps, { id, hostConfig }: ContainerRecord): Promise<readonly string[]> {
  if (hostConfig.logConfig.type === 'none') return [];
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of readLogs({ path: containerPaths(dataRoot, id).log, terminal: true }, lastLines)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > longestLogBytes) break;
  }
  const lines = Buffer.concat(chunks).toString('utf8').replace(/\n$/, '').split('\n');
  return lines.slice(-logLineCount).flatMap((line) => (line === '' && lines.length === 1 ? [] : cut(line)));
}

function cut(line: string): string {
  return line.length > longestLogLine ? `${line.slice(0, longestLogLine)}…` : line;
}
