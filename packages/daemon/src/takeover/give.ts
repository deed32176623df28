import { setTimeout as delay } from 'node:timers/promises';
import { EngineError, messageOf } from '@gantry/base';
import type { Listener } from '../http/listen.ts';
import type { Turnstile } from '../http/turnstile.ts';
import type { Log } from '../log.ts';
import type { OpenRequest, Requests } from '../metrics/requests.ts';
import type { Channel } from './channel.ts';

export type GiveDeps = {
  readonly requests: Pick<Requests, 'open'>;
  readonly turnstile: Turnstile;
  readonly listeners: readonly Listener[];
  readonly log: Log;
  /** Closes the engine and lets go of its roots. */
  readonly release: () => Promise<void>;
  /** Opens the engine again. */
  readonly resume: () => Promise<void>;
  /** Has what waits here wait at the daemon that is in place now. */
  readonly move: () => Promise<void>;
};

const pollMs = 5;
/** A pull may take minutes. Longer, and whoever wants the takeover should hear of it. */
const patienceMs = 60_000;
/** What takes longer than most is waited for before anybody else is made to wait. */
const quickMs = 200;
/** So long connections queue at most for the requests before them. */
const pauseMs = 2000;

/**
 * Gives way to another daemon: no new request is begun, those that were are answered, the engine is closed, and the other
 * daemon has the listening sockets. What only follows (waits, logs, events, attached streams) goes on here.
 *
 * @returns false when the other daemon did not come up, and this one serves as before
 */
export async function giveWay(deps: GiveDeps, channel: Channel): Promise<boolean> {
  await channel.hear('take');
  try {
    await settle(deps);
  } catch (error) {
    channel.say('refuse', messageOf(error));
    throw error;
  }
  for (const listener of deps.listeners) listener.rest();
  const fds = Object.fromEntries(deps.listeners.map(({ name, fd }) => [name, fd]));
  let isReleased = false;
  try {
    channel.say('listeners', JSON.stringify({ pid: process.pid, fds }));
    await channel.hear('taken');
    isReleased = true;
    await deps.release();
    channel.say('released');
    await channel.hear('ready');
  } catch (error) {
    deps.log.error('takeover failed', { error: messageOf(error) });
    if (isReleased) await deps.resume();
    for (const listener of deps.listeners) await listener.accept();
    deps.turnstile.open();
    return false;
  }
  await deps.move();
  for (const listener of deps.listeners) listener.give();
  channel.say('moved');
  return true;
}

/** Closes the turnstile at a moment at which no request is half done. @throws unavailable when none comes */
async function settle({ requests, turnstile }: GiveDeps): Promise<void> {
  const busy = (olderThanMs: number): OpenRequest | undefined =>
    requests.open().find(({ follows, ageMs }) => !follows && ageMs >= olderThanMs);
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    if (busy(quickMs) === undefined) {
      turnstile.close();
      const end = performance.now() + pauseMs;
      while (busy(0) !== undefined && performance.now() < end) await delay(pollMs);
      if (busy(0) === undefined) return;
      turnstile.open();
    }
    await delay(pollMs);
  }
  const { method, path } = busy(0) ?? { method: '', path: '' };
  throw new EngineError('unavailable', `a request is still being answered: ${method} ${path}`);
}
