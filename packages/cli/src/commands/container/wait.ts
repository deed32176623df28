import { routes } from '@gantry/api';
import { anyNumber, type Command } from '../../command.ts';
import { forEachName } from '../../for-each-name.ts';

export const waitCommand: Command = {
  usage: 'CONTAINER [CONTAINER...]',
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
