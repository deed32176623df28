import { EngineError } from '@gantry/base';
import { close, pidfdOpen, takeDescriptor } from '@gantry/native';
import type { Log } from '../log.ts';
import { type Channel, openChannel } from './channel.ts';
import { connectTo } from './meeting-place.ts';

/** What a daemon takes from the one before it: its listening sockets, under the names they were asked for by. */
export type Taken = Disposable & {
  readonly listeners: ReadonlyMap<string, number>;
  /** Says that this daemon answers at the meeting place, and waits until what waited at the other one waits here. */
  ready(): Promise<void>;
};

/**
 * Asks the daemon of these roots to give way, and waits until it has let go of them. From then on connections queue in
 * the kernel. When this daemon ends before it is ready, the other one goes on as if nothing had been.
 *
 * @throws unavailable when no daemon runs there, or when it is too busy
 */
export async function takeOver(path: string, log: Log): Promise<Taken> {
  const channel = openChannel(await meet(path));
  channel.say('take');
  const { pid, fds } = JSON.parse(await channel.hear('listeners')) as { pid: number; fds: Record<string, number> };
  const listeners = takeAll(pid, fds);
  channel.say('taken');
  await channel.hear('released');
  log.info('took over from another daemon', { pid, listeners: listeners.size });
  return {
    listeners,
    ready: () => becomeReady(channel),
    [Symbol.dispose]: () => channel[Symbol.dispose](),
  };
}

async function meet(path: string): ReturnType<typeof connectTo> {
  try {
    return await connectTo(path);
  } catch (cause) {
    throw new EngineError('unavailable', 'cannot take over: no daemon runs on this --exec-root', {
      cause,
      hint: 'start this one without --takeover',
    });
  }
}

function takeAll(pid: number, fds: Readonly<Record<string, number>>): Map<string, number> {
  const pidfd = pidfdOpen(pid);
  try {
    return new Map(Object.entries(fds).map(([name, fd]) => [name, takeDescriptor(pidfd, fd)]));
  } finally {
    close(pidfd);
  }
}

async function becomeReady(channel: Channel): Promise<void> {
  channel.say('ready');
  try {
    await channel.hear('moved');
  } catch {
    // It was killed in the middle: its clients see what they see when a daemon dies, and nobody else has to wait.
  }
}
