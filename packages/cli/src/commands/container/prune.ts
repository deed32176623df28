import { routes } from '@gantry/api';
import { flagBool, formatSize } from '@gantry/base';
import { boolFlag, type Command } from '../../command.ts';
import { filterFlag, parseFilters } from '../../request/filters.ts';
import { confirm } from '../confirm.ts';

const warning = 'WARNING! This will remove all stopped containers.\nAre you sure you want to continue?';

export const pruneCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    filterFlag('Remove only what matches (e.g. "until=<timestamp>")'),
    boolFlag('force', 'Do not prompt for confirmation', { short: 'f' }),
  ],
  arity: { min: 0, max: 0 },
  run: async ({ session, flags }) => {
    if (!flagBool(flags, 'force')) await confirm(session, warning);
    const report = await session.engine.call(routes.containerPrune, { query: { filters: parseFilters(flags) } });
    const deleted = report.ContainersDeleted ?? [];
    if (deleted.length > 0) session.out.write(`Deleted Containers:\n${deleted.join('\n')}\n\n`);
    session.out.line(`Total reclaimed space: ${formatSize(report.SpaceReclaimed)}`);
  },
};
