import { readdirSync, readlinkSync } from 'node:fs';
import type { DebugVarsWire } from '@gantry/api';
import { EngineError } from '@gantry/base';
import type { Engine } from '@gantry/engine';
import { documentOf } from '../http/answer.ts';
import type { HandlersOf } from '../http/call.ts';
import { expositionType, formatMetrics } from '../metrics/exposition.ts';
import { readProcessFacts } from '../metrics/process-facts.ts';
import { reportMetrics } from '../metrics/report.ts';
import type { Requests } from '../metrics/requests.ts';
import type { DaemonFacts } from '../print/system.ts';

/** For those who watch over a daemon: numbers for a monitor, and what a support engineer asks for. */
export function watchingHandlers(
  engine: Engine,
  facts: () => DaemonFacts,
  requests: Requests,
): HandlersOf<'metrics' | 'debugVars' | 'debugHeap'> {
  // Docker's daemon has no such pages without --debug either.
  const refuseUnlessDebug = (): void => {
    if (!facts().debug) {
      throw new EngineError('not-found', 'page not found', {
        hint: 'the debug pages are there with --debug, or "debug": true',
      });
    }
  };
  return {
    metrics: () => {
      const { version, gitCommit } = facts();
      const read = { info: engine.info(), activity: engine.activity(), process: readProcessFacts() };
      const families = reportMetrics({ version, gitCommit, requests, ...read });
      return { kind: 'text', body: formatMetrics(families), headers: { 'Content-Type': expositionType } };
    },
    debugVars: () => {
      refuseUnlessDebug();
      return documentOf(printVars(engine, requests));
    },
    debugHeap: () => {
      refuseUnlessDebug();
      const snapshot = Bun.generateHeapSnapshot('v8');
      return { kind: 'text', body: snapshot, headers: { 'Content-Type': 'application/json' } };
    },
  };
}

function printVars(engine: Engine, requests: Requests): DebugVarsWire {
  const { locks, jobs, tasks, database } = engine.activity();
  const process = readProcessFacts();
  return {
    Process: {
      Pid: process.pid,
      StartedAt: process.startedAt.toISOString(),
      UptimeSeconds: process.uptimeSeconds,
      CpuSeconds: process.cpuSeconds,
      ResidentBytes: process.residentBytes,
      HeapBytes: process.heapBytes,
      MaxDescriptors: process.maxFds,
    },
    Descriptors: countDescriptors(),
    Requests: requests.open().map(({ method, path, ageMs }) => ({ Method: method, Path: path, AgeMs: ageMs })),
    Locks: locks.map(({ key, heldMs }) => ({ Container: key, HeldMs: heldMs })),
    Jobs: jobs.map(({ id, kind, subject, progress, startedAt }) => ({
      ID: id,
      Kind: kind,
      Subject: subject,
      Progress: progress,
      StartedAt: startedAt.toISOString(),
    })),
    Tasks: tasks,
    Database: { Bytes: database.bytes, LogBytes: database.logBytes },
  };
}

/** Open descriptors by kind: `socket`, `pipe`, `anon_inode:[eventpoll]`, …; files are counted together. */
function countDescriptors(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const fd of readdirSync('/proc/self/fd')) {
    const kind = kindOf(fd);
    if (kind !== undefined) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function kindOf(fd: string): string | undefined {
  try {
    const target = readlinkSync(`/proc/self/fd/${fd}`);
    return target.startsWith('/') ? 'file' : target.replace(/:\[\d+\]$/, '');
  } catch {
    return undefined; // the one that the listing itself was made through
  }
}
