import { routes } from '@gantry/api';
import { flagText } from '@gantry/base';
import { anyNumber, type Command, type Invocation, textFlag } from '../../command.ts';
import { forEachName } from '../../for-each-name.ts';

const many = { usage: 'CONTAINER [CONTAINER...]', arity: { min: 1, max: anyNumber }, words: 'container' } as const;

export const killCommand: Command = {
  ...many,
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: [textFlag('signal', 'Signal to send to the container', { short: 's' })],
  run: (call) => actOnEach(call, routes.containerKill, { signal: flagText(call.flags, 'signal') ?? '' }),
};

export const pauseCommand: Command = {
  ...many,
  flags: [],
  run: (call) => actOnEach(call, routes.containerPause, {}),
};

export const unpauseCommand: Command = {
  ...many,
  flags: [],
  run: (call) => actOnEach(call, routes.containerUnpause, {}),
};

type ActRoute = typeof routes.containerKill | typeof routes.containerPause;

async function actOnEach({ session, words }: Invocation, route: ActRoute, query: { signal?: string }): Promise<void> {
  await forEachName(session, words, async (id) => {
    await session.engine.call(route, { path: { id }, query });
    return id;
  });
}
