import { flagBool } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command } from '../../command.ts';
import { filterFlag, parseFilters, withFilter } from '../../request/filters.ts';
import { confirm } from '../confirm.ts';
import { dryRunFlag, wantsDryRun } from '../dry-run.ts';
import { pruneVolumes, totalOf } from '../prune-kinds.ts';

export const pruneCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    boolFlag('all', 'Remove all unused volumes, not just anonymous ones', { short: 'a' }),
    filterFlag('Remove only what matches (e.g. "label=<label>")'),
    dryRunFlag,
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
    const plan = await wantsDryRun(session, flags);
    if (!plan && !flagBool(flags, 'force')) await confirm(session, warning);
    const filters = all ? withFilter(given, 'all', 'true') : given;
    session.out.line(totalOf(await pruneVolumes(session, { filters, plan }), plan));
  },
};
