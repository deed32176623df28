import { routes } from '@gantry/api';
import { flagBool } from '@gantry/base';
import { anyNumber, boolFlag, type Command } from '../../command.ts';
import { forEachName } from '../../for-each-name.ts';
import { dryRunFlag, formatPlan, wantsDryRun } from '../dry-run.ts';

export const removeCommand: Command = {
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  long: 'Remove one or more volumes. You cannot remove a volume that is in use by a container.',
  flags: [dryRunFlag, boolFlag('force', 'Remove a volume even when its driver cannot', { short: 'f' })],
  arity: { min: 1, max: anyNumber },
  words: 'volume',
  run: async ({ session, flags, words }) => {
    const query = { force: flagBool(flags, 'force'), plan: await wantsDryRun(session, flags) };
    await forEachName(session, words, async (name) => {
      const plan = await session.engine.call(routes.volumeRemove, { path: { name }, query });
      return plan === undefined ? name : formatPlan(plan).join('\n');
    });
  },
};
