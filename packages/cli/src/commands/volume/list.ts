import { routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { boolFlag, type Command, type Invocation } from '../../command.ts';
import { formatRows } from '../../format/list-format.ts';
import { volumeHeadings, volumeRow, volumeTable } from '../../format/volumes.ts';
import { filterFlag, parseFilters } from '../../request/filters.ts';
import { listFormatFlag } from '../format-flag.ts';

export const listCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    filterFlag('Show only what matches (e.g. "dangling=true")', 'f'),
    listFormatFlag,
    boolFlag('quiet', 'Only display volume names', { short: 'q' }),
  ],
  arity: { min: 0, max: 0 },
  run: listVolumes,
};

async function listVolumes({ session, flags }: Invocation): Promise<void> {
  const { Volumes } = await session.engine.call(routes.volumeList, { query: { filters: parseFilters(flags) } });
  const byName = [...(Volumes ?? [])].sort((left, right) => (left.Name < right.Name ? -1 : 1));
  const asked = flagText(flags, 'format') ?? '';
  const isTable = asked === '' || asked === 'table';
  const format = isTable ? (flagBool(flags, 'quiet') ? '{{.Name}}' : volumeTable) : asked;
  session.out.write(
    formatRows(
      format,
      byName.map((volume) => volumeRow(volume)),
      volumeHeadings,
    ),
  );
}
