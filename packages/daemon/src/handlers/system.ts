import type { EventWire } from '@gantry/api';
import { EngineError } from '@gantry/base';
import type { Engine, EngineEvent } from '@gantry/engine';
import { documentOf } from '../http/answer.ts';
import { type HandlersOf, idOf } from '../http/call.ts';
import { printDiskReport } from '../print/disk-report.ts';
import { printEvent } from '../print/event.ts';
import { type DaemonFacts, printInfo, printVersion } from '../print/system.ts';
import { diskUsage } from './disk-usage.ts';

type Names =
  | 'ping'
  | 'version'
  | 'info'
  | 'events'
  | 'diskUsage'
  | 'diskCheck'
  | 'diskRepair'
  | 'pluginList'
  | 'pluginInspect';

/** What every client asks first; the headers tell it what it may expect. Builder 1: there is no BuildKit behind it yet. */
const pingHeaders = {
  'Builder-Version': '1',
  'Cache-Control': 'no-cache, no-store, must-revalidate',
  Pragma: 'no-cache',
  Swarm: 'inactive',
};

export function systemHandlers(engine: Engine, facts: () => DaemonFacts): HandlersOf<Names> {
  return {
    ping: () => ({ kind: 'text', body: 'OK', headers: pingHeaders }),
    version: () => documentOf(printVersion(engine.info(), facts())),
    info: () => documentOf(printInfo(engine.info(), facts())),
    events: ({ query, signal }) => {
      const sinceNanos = query.sinceNanos === 0n ? undefined : query.sinceNanos;
      const untilNanos = query.untilNanos === 0n ? undefined : query.untilNanos;
      if (sinceNanos !== undefined && untilNanos !== undefined && untilNanos < sinceNanos) {
        throw new EngineError('invalid', '`since` time cannot be after `until` time');
      }
      const events = engine.events.stream({ sinceNanos, untilNanos, filters: query.filters }, signal);
      return { kind: 'lines', headers: 'now', lines: eventLines(events) };
    },
    // None can be installed, so none is there: `docker inspect` asks here last and wants to hear that.
    pluginList: () => documentOf([]),
    pluginInspect: (call) => {
      throw new EngineError('not-found', `plugin "${idOf(call)}" not found`);
    },
    diskUsage: async ({ query }) => documentOf(await diskUsage(engine, query.types)),
    diskCheck: async ({ query: { verify }, signal }) =>
      documentOf(printDiskReport(await engine.checkDisk({ verify, repair: false, names: [] }, signal))),
    diskRepair: async ({ query: { verify, names }, signal }) =>
      documentOf(printDiskReport(await engine.checkDisk({ verify, repair: true, names }, signal))),
  };
}

async function* eventLines(events: AsyncIterable<EngineEvent>): AsyncGenerator<EventWire, void> {
  for await (const event of events) yield printEvent(event);
}
