import { routes } from '@gantry/api';
import { flagBool } from '@gantry/base';
import { anyNumber, boolFlag, type Command } from '../../command.ts';
import { forEachName } from '../../for-each-name.ts';

export const removeCommand: Command = {
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  long: 'Remove one or more volumes. You cannot remove a volume that is in use by a container.',
  flags: [boolFlag('force', 'Remove a volume even when its driver cannot', { short: 'f' })],
  arity: { min: 1, max: anyNumber },
  words: 'volume',
  run: async ({ session, flags, words }) => {
    const query = { force: flagBool(flags, 'force') };
    await forEachName(session, words, async (name) => {
      await session.engine.call(routes.volumeRemove, { path: { name }, query });
      return name;
    });
  },
};
