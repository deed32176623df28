import { flagBool } from '@gantry/base';
import { boolFlag, type Command } from '../../command.ts';
import { filterFlag, parseFilters } from '../../request/filters.ts';
import { confirm } from '../confirm.ts';
import { dryRunFlag, wantsDryRun } from '../dry-run.ts';
import { pruneContainers, totalOf } from '../prune-kinds.ts';

const warning = 'WARNING! This will remove all stopped containers.\nAre you sure you want to continue?';

export const pruneCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    filterFlag('Remove only what matches (e.g. "until=<timestamp>")'),
    dryRunFlag,
    boolFlag('force', 'Do not prompt for confirmation', { short: 'f' }),
  ],
  arity: { min: 0, max: 0 },
  run: async ({ session, flags }) => {
    const plan = await wantsDryRun(session, flags);
    if (!plan && !flagBool(flags, 'force')) await confirm(session, warning);
    session.out.line(totalOf(await pruneContainers(session, { filters: parseFilters(flags), plan }), plan));
  },
};
