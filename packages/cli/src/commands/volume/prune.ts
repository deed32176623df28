import { routes } from '@gantry/api';
import { flagBool, formatSize } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command } from '../../command.ts';
import { filterFlag, parseFilters, withFilter } from '../../request/filters.ts';
import { confirm } from '../confirm.ts';

export const pruneCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    boolFlag('all', 'Remove all unused volumes, not just anonymous ones', { short: 'a' }),
    filterFlag('Remove only what matches (e.g. "label=<label>")'),
    boolFlag('force', 'Do not prompt for confirmation', { short: 'f' }),
  ],
  arity: { min: 0, max: 0 },
  run: async ({ session, flags }) => {
    const all = flagBool(flags, 'all');
    const given = parseFilters(flags);
    if (all && given.has('all')) {
      throw new CliError('conflicting options: cannot specify both --all and --filter all=1');
    }
    const which = all ? 'all local volumes' : 'anonymous local volumes';
    const warning = `WARNING! This will remove ${which} not used by at least one container.\nAre you sure you want to continue?`;
    if (!flagBool(flags, 'force')) await confirm(session, warning);
    const filters = all ? withFilter(given, 'all', 'true') : given;
    const report = await session.engine.call(routes.volumePrune, { query: { filters } });
    const deleted = report.VolumesDeleted ?? [];
    if (deleted.length > 0) session.out.write(`Deleted Volumes:\n${deleted.join('\n')}\n\n`);
    session.out.line(`Total reclaimed space: ${formatSize(report.SpaceReclaimed)}`);
  },
};
