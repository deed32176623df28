import { routes } from '@gantry/api';
import { anyNumber, type Command } from '../../command.ts';
import { forEachName } from '../../for-each-name.ts';

export const waitCommand: Command = {
  names: ['container wait', 'wait'],
  usage: 'CONTAINER [CONTAINER...]',
  short: 'Block until one or more containers stop, then print their exit codes',
  flags: [],
  arity: { min: 1, max: anyNumber },
  words: 'container',
  run: async ({ session, words }) => {
    await forEachName(session, words, async (id) => {
      const result = await session.engine.call(routes.containerWait, { path: { id } });
      return String(result.StatusCode);
    });
  },
};
