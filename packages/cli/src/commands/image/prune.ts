import { flagBool } from '@gantry/base';
import { boolFlag, type Command } from '../../command.ts';
import { filterFlag, parseFilters, withFilter } from '../../request/filters.ts';
import { confirm } from '../confirm.ts';
import { dryRunFlag, wantsDryRun } from '../dry-run.ts';
import { pruneImages, totalOf } from '../prune-kinds.ts';

const question = 'Are you sure you want to continue?';

export const pruneCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    boolFlag('all', 'Remove all unused images, not just dangling ones', { short: 'a' }),
    filterFlag('Remove only what matches (e.g. "until=<timestamp>")'),
    dryRunFlag,
    boolFlag('force', 'Do not prompt for confirmation', { short: 'f' }),
  ],
  arity: { min: 0, max: 0 },
  run: async ({ session, flags }) => {
    const all = flagBool(flags, 'all');
    const which = all ? 'all images without at least one container associated to them' : 'all dangling images';
    const warning = `WARNING! This will remove ${which}.\n${question}`;
    const plan = await wantsDryRun(session, flags);
    if (!plan && !flagBool(flags, 'force')) await confirm(session, warning);
    const filters = withFilter(parseFilters(flags), 'dangling', String(!all));
    session.out.line(totalOf(await pruneImages(session, { filters, plan }), plan));
  },
};
