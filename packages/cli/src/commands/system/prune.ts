import type { Filters } from '@gantry/api';
import { flagBool, type ParsedFlags } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation } from '../../command.ts';
import { filterFlag, parseFilters, withFilter } from '../../request/filters.ts';
import { confirm } from '../confirm.ts';
import { dryRunFlag, wantsDryRun } from '../dry-run.ts';
import { pruneContainers, pruneImages, pruneNetworks, pruneVolumes, totalOf } from '../prune-kinds.ts';

export const pruneCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    boolFlag('all', 'Remove all unused images, not just dangling ones', { short: 'a' }),
    filterFlag('Remove only what matches (e.g. "label=<key>=<value>")'),
    dryRunFlag,
    boolFlag('force', 'Do not prompt for confirmation', { short: 'f' }),
    boolFlag('volumes', 'Remove anonymous volumes too'),
  ],
  arity: { min: 0, max: 0 },
  run: prune,
};

async function prune({ session, flags }: Invocation): Promise<void> {
  const filters = parseFilters(flags);
  const volumes = flagBool(flags, 'volumes');
  if (volumes && filters.has('until')) {
    throw new CliError('ERROR: The "until" filter is not supported with "--volumes"');
  }
  const plan = await wantsDryRun(session, flags);
  if (!plan && !flagBool(flags, 'force')) await confirm(session, warningOf(flags, filters));
  // Containers first: what only they used is unused after them, in a dry run as in earnest.
  const query = { filters, plan, afterContainers: plan };
  let bytes = await pruneContainers(session, query);
  await pruneNetworks(session, query);
  if (volumes) bytes += await pruneVolumes(session, query);
  const dangling = withFilter(filters, 'dangling', String(!flagBool(flags, 'all')));
  bytes += await pruneImages(session, { ...query, filters: dangling });
  session.out.line(totalOf(bytes, plan));
}

function warningOf(flags: ParsedFlags, filters: Filters): string {
  const images = flagBool(flags, 'all')
    ? 'all images without at least one container associated to them'
    : 'all dangling images';
  const volumes = flagBool(flags, 'volumes') ? ['all anonymous volumes not used by at least one container'] : [];
  const what = ['all stopped containers', 'all networks not used by at least one container', ...volumes, images];
  const chosen = ['label', 'label!', 'until'].flatMap((name) =>
    (filters.get(name) ?? []).map((value) => `${name}=${value}`),
  );
  const items = what.map((line) => `\n  - ${line}`).join('');
  const narrowed =
    chosen.length === 0
      ? ''
      : `\n  Items to be pruned will be filtered with:${chosen.map((line) => `\n  - ${line}`).join('')}\n`;
  return `WARNING! This will remove:${items}\n${narrowed}\nAre you sure you want to continue?`;
}
