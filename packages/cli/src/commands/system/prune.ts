import { type Filters, routes } from '@gantry/api';
import { flagBool, formatSize, type ParsedFlags } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation } from '../../command.ts';
import { filterFlag, parseFilters, withFilter } from '../../request/filters.ts';
import type { Session } from '../../session.ts';
import { confirm } from '../confirm.ts';

export const pruneCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    boolFlag('all', 'Remove all unused images, not just dangling ones', { short: 'a' }),
    filterFlag('Remove only what matches (e.g. "label=<key>=<value>")'),
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
  if (!flagBool(flags, 'force')) await confirm(session, warningOf(flags, filters));
  // Containers first: what only they used is unused after them.
  let reclaimed = await pruneContainers(session, filters);
  await pruneNetworks(session, filters);
  if (volumes) reclaimed += await pruneVolumes(session, filters);
  reclaimed += await pruneImages(session, withFilter(filters, 'dangling', String(!flagBool(flags, 'all'))));
  session.out.line(`Total reclaimed space: ${formatSize(reclaimed)}`);
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

async function pruneContainers({ engine, out }: Session, filters: Filters): Promise<number> {
  const report = await engine.call(routes.containerPrune, { query: { filters } });
  const deleted = report.ContainersDeleted ?? [];
  if (deleted.length > 0) out.write(`Deleted Containers:\n${deleted.join('\n')}\n\n`);
  return report.SpaceReclaimed;
}

async function pruneNetworks({ engine, out }: Session, filters: Filters): Promise<void> {
  const report = await engine.call(routes.networkPrune, { query: { filters } });
  const deleted = report.NetworksDeleted ?? [];
  if (deleted.length > 0) out.write(`Deleted Networks:\n${deleted.join('\n')}\n\n`);
}

async function pruneVolumes({ engine, out }: Session, filters: Filters): Promise<number> {
  const report = await engine.call(routes.volumePrune, { query: { filters } });
  const deleted = report.VolumesDeleted ?? [];
  if (deleted.length > 0) out.write(`Deleted Volumes:\n${deleted.join('\n')}\n\n`);
  return report.SpaceReclaimed;
}

async function pruneImages({ engine, out }: Session, filters: Filters): Promise<number> {
  const report = await engine.call(routes.imagePrune, { query: { filters } });
  const lines = (report.ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
    Untagged ? `untagged: ${Untagged}` : `deleted: ${Deleted}`,
  );
  if (lines.length > 0) out.write(`Deleted Images:\n${lines.join('\n')}\n\n`);
  return report.SpaceReclaimed;
}
