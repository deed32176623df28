import type { EventWire } from '@gantry/api';
import { EngineError } from '@gantry/base';
import type { Engine } from '@gantry/engine';
import { documentOf } from '../http/answer.ts';
import { type HandlersOf, idOf } from '../http/call.ts';
import { printDiskReport } from '../print/disk-report.ts';
import { printEvent } from '../print/event.ts';
import { type DaemonFacts, printInfo, printVersion } from '../print/system.ts';
import { followerHeader } from '../takeover/follow-events.ts';
import type { Succession } from '../takeover/succession.ts';
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

export function systemHandlers(engine: Engine, facts: () => DaemonFacts, succession: Succession): HandlersOf<Names> {
  return {
    ping: () => ({ kind: 'text', body: 'OK', headers: pingHeaders }),
    version: () => documentOf(printVersion(engine.info(), facts())),
    info: () => documentOf(printInfo(engine.info(), facts())),
    events: ({ query, headers, signal }) => {
      const sinceNanos = query.sinceNanos === 0n ? undefined : query.sinceNanos;
      const untilNanos = query.untilNanos === 0n ? undefined : query.untilNanos;
      if (sinceNanos !== undefined && untilNanos !== undefined && untilNanos < sinceNanos) {
        throw new EngineError('invalid', '`since` time cannot be after `until` time');
      }
      const asked = { sinceNanos, untilNanos, filters: query.filters };
      const lines = eventLines(engine, asked, { succession, signal, asksAgain: headers.has(followerHeader) });
      return { kind: 'lines', headers: 'now', lines };
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

/** The engine's events, and those of the engines that come after it while the client listens. */
function eventLines(
  engine: Engine,
  asked: Parameters<Engine['events']['stream']>[0],
  listener: { readonly succession: Succession; readonly signal: AbortSignal; readonly asksAgain: boolean },
): AsyncGenerator<EventWire, void> {
  const { succession, signal } = listener;
  const { sinceNanos, untilNanos } = asked;
  const given = succession.signal;
  const askedAtNanos = BigInt(Date.now()) * 1_000_000n;
  // Subscribed before the headers are sent: what happens from then on is heard.
  const events = engine.events.stream(asked, AbortSignal.any([signal, given]));
  return (async function* () {
    let next = sinceNanos ?? askedAtNanos;
    for await (const event of events) {
      next = event.timeNanos + 1n;
      yield printEvent(event);
    }
    if (given.aborted && !signal.aborted && !listener.asksAgain)
      yield* succession.events({ sinceNanos: next, untilNanos, filters: Object.fromEntries(asked.filters), signal });
  })();
}
