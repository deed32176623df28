import { routes } from '@gantry/api';
import { flagBool } from '@gantry/base';
import { boolFlag, type Command } from '../../command.ts';
import { filterFlag, parseFilters } from '../../request/filters.ts';
import { confirm } from '../confirm.ts';

const warning =
  'WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue?';

export const pruneCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    filterFlag('Remove only what matches (e.g. "until=<timestamp>")'),
    boolFlag('force', 'Do not prompt for confirmation', { short: 'f' }),
  ],
  arity: { min: 0, max: 0 },
  run: async ({ session, flags }) => {
    if (!flagBool(flags, 'force')) await confirm(session, warning);
    const report = await session.engine.call(routes.networkPrune, { query: { filters: parseFilters(flags) } });
    const deleted = report.NetworksDeleted ?? [];
    if (deleted.length > 0) session.out.write(`Deleted Networks:\n${deleted.join('\n')}\n\n`);
  },
};
