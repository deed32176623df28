import { routes } from '@gantry/api';
import { flagBool, formatSize } from '@gantry/base';
import { boolFlag, type Command } from '../../command.ts';
import { filterFlag, parseFilters, withFilter } from '../../request/filters.ts';
import { confirm } from '../confirm.ts';

const question = 'Are you sure you want to continue?';

export const pruneCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    boolFlag('all', 'Remove all unused images, not just dangling ones', { short: 'a' }),
    filterFlag('Remove only what matches (e.g. "until=<timestamp>")'),
    boolFlag('force', 'Do not prompt for confirmation', { short: 'f' }),
  ],
  arity: { min: 0, max: 0 },
  run: async ({ session, flags }) => {
    const all = flagBool(flags, 'all');
    const which = all ? 'all images without at least one container associated to them' : 'all dangling images';
    const warning = `WARNING! This will remove ${which}.\n${question}`;
    if (!flagBool(flags, 'force')) await confirm(session, warning);
    const filters = withFilter(parseFilters(flags), 'dangling', String(!all));
    const report = await session.engine.call(routes.imagePrune, { query: { filters } });
    const lines = (report.ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
      Untagged ? `untagged: ${Untagged}` : `deleted: ${Deleted}`,
    );
    if (lines.length > 0) session.out.write(`Deleted Images:\n${lines.join('\n')}\n\n`);
    session.out.line(`Total reclaimed space: ${formatSize(report.SpaceReclaimed)}`);
  },
};
