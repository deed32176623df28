import { createServer, type Server } from 'node:net';
import { isEngineError, messageOf } from '@gantry/base';
import { bindAddress } from '../http/bind.ts';
import { type Listener, listen } from '../http/listen.ts';
import type { ServeDeps } from '../http/serve-connection.ts';
import { type Channel, openChannel } from './channel.ts';
import { clear, type MeetingPlace } from './meeting-place.ts';

/** The doors of a daemon for other daemons of its roots. Who opens them is in place from then on. */
export type OwnDoors = AsyncDisposable & {
  /** Every one that was opened: connections may be left on those of before. */
  readonly listeners: readonly Listener[];
  /** Takes the place back from a daemon that did not come up. */
  reopen(): Promise<void>;
  /** Another daemon is in place: its sockets' files stay. */
  give(): void;
};

export async function openOwnDoors(
  place: MeetingPlace,
  deps: ServeDeps,
  onTakeover: (channel: Channel) => Promise<void>,
): Promise<OwnDoors> {
  const listeners: Listener[] = [];
  let server: Server | undefined;
  let [isBusy, isInPlace] = [false, true];
  const meet = async (channel: Channel): Promise<void> => {
    if (isBusy) {
      channel.say('refuse', 'another takeover is under way');
      return;
    }
    isBusy = true;
    try {
      await onTakeover(channel);
    } catch (error) {
      deps.log[isEngineError(error) ? 'warn' : 'error']('takeover refused', { error: messageOf(error) });
    } finally {
      isBusy = false;
    }
  };
  const open = async (): Promise<void> => {
    clear(place.api);
    clear(place.takeover);
    listeners.push(await listen(deps, { kind: 'unix', path: place.api }, { group: '0', serves: 'daemons' }));
    const fd = await bindAddress({ kind: 'unix', path: place.takeover }, { group: '0' });
    const opened = createServer((socket) => {
      const channel = openChannel(socket);
      void meet(channel);
    });
    server?.close();
    server = opened;
    await new Promise<void>((resolve) => opened.listen({ fd }, resolve));
  };
  await open();
  return {
    listeners,
    reopen: open,
    give: () => {
      isInPlace = false;
      server?.close();
      for (const listener of listeners) listener.give();
    },
    [Symbol.asyncDispose]: async () => {
      server?.close();
      for (const listener of listeners) await listener[Symbol.asyncDispose]();
      if (isInPlace) clear(place.takeover);
    },
  };
}
