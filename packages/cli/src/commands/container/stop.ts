import { routes } from '@gantry/api';
import { flagInt, flagText } from '@gantry/base';
import { anyNumber, type Command, type Flag, type Invocation, intFlag, textFlag } from '../../command.ts';
import { forEachName } from '../../for-each-name.ts';

const stopFlags: readonly Flag[] = [
  textFlag('signal', 'Signal to send to the container', { short: 's' }),
  intFlag('time', '', { hidden: true, deprecated: 'use --timeout instead' }),
  intFlag('timeout', 'Seconds to wait before killing the container', { short: 't' }),
];

export const stopCommand: Command = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: stopFlags,
  arity: { min: 1, max: anyNumber },
  words: 'container',
  run: (call) => stopEach(call, routes.containerStop),
};

export const restartCommand: Command = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: stopFlags,
  arity: { min: 1, max: anyNumber },
  words: 'container',
  run: (call) => stopEach(call, routes.containerRestart),
};

type StopRoute = typeof routes.containerStop | typeof routes.containerRestart;

async function stopEach({ session, flags, words }: Invocation, route: StopRoute): Promise<void> {
  const timeoutSeconds = flagInt(flags, 'timeout') ?? flagInt(flags, 'time');
  const query = { signal: flagText(flags, 'signal') ?? '', timeoutSeconds };
  await forEachName(session, words, async (id) => {
    await session.engine.call(route, { path: { id }, query });
    return id;
  });
}
