import { setTimeout as delay } from 'node:timers/promises';
import type { EventWire } from '@gantry/api';

/** Says that it will ask again: a daemon that gives way ends such a stream instead of keeping it. */
export const followerHeader = 'gantry-follower';
const shortestPauseMs = 50;
/** For as long as no daemon is in place: somebody stopped it, and starts it again. */
const longestPauseMs = 1000;

export type FollowOptions = {
  /** The door of whatever daemon is in place. */
  readonly door: string;
  readonly sinceNanos: bigint;
  readonly untilNanos?: bigint | undefined;
  readonly filters: Readonly<Record<string, readonly string[]>>;
  readonly signal: AbortSignal;
};

/** Events of the daemons that come after this one, each once and in order, across any number of takeovers. */
export async function* followEvents(options: FollowOptions): AsyncGenerator<EventWire, void> {
  const { untilNanos, signal } = options;
  let next = options.sinceNanos;
  for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      for await (const event of eventsOf(options, next)) {
        next = BigInt(event.timeNano) + 1n;
        yield event;
      }
      pauseMs = shortestPauseMs;
    } catch {
      // Between two daemons nobody answers. What happens meanwhile is in the journal.
    }
    if (signal.aborted || (untilNanos !== undefined && BigInt(Date.now()) * 1_000_000n > untilNanos)) return;
    await delay(pauseMs);
  }
}

async function* eventsOf(
  { door, untilNanos, filters, signal }: FollowOptions,
  sinceNanos: bigint,
): AsyncGenerator<EventWire, void> {
  const query = new URLSearchParams({ since: seconds(sinceNanos), filters: JSON.stringify(filters) });
  if (untilNanos !== undefined) query.set('until', seconds(untilNanos));
  const reply = await fetch(`http://engine/events?${query}`, {
    unix: door,
    signal,
    // A connection that is kept would lead to the daemon before the one in place.
    headers: { [followerHeader]: '1', connection: 'close' },
  });
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of reply.body ?? []) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield parseEvent(line);
  }
}

/** Nanoseconds do not fit a JavaScript number. */
function parseEvent(line: string): EventWire {
  const event = JSON.parse(line) as EventWire;
  return { ...event, timeNano: BigInt(/"timeNano":(\d+)/.exec(line)?.[1] ?? 0) };
}

function seconds(nanos: bigint): string {
  return `${nanos / 1_000_000_000n}.${String(nanos % 1_000_000_000n).padStart(9, '0')}`;
}
