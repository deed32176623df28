import { routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { boolFlag, type Command, type Invocation } from '../../command.ts';
import { formatRows } from '../../format/list-format.ts';
import { networkHeadings, networkRow, networkTable } from '../../format/networks.ts';
import { filterFlag, parseFilters } from '../../request/filters.ts';
import { listFormatFlag } from '../format-flag.ts';

export const listCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    filterFlag('Show only what matches (e.g. "driver=bridge")', 'f'),
    listFormatFlag,
    boolFlag('no-trunc', 'Do not truncate the output'),
    boolFlag('quiet', 'Only display network IDs', { short: 'q' }),
  ],
  arity: { min: 0, max: 0 },
  run: listNetworks,
};

async function listNetworks({ session, flags }: Invocation): Promise<void> {
  const networks = await session.engine.call(routes.networkList, { query: { filters: parseFilters(flags) } });
  const byName = [...networks].sort((left, right) => (left.Name < right.Name ? -1 : 1));
  const rows = byName.map((network) => networkRow(network, !flagBool(flags, 'no-trunc')));
  const asked = flagText(flags, 'format') ?? '';
  const isTable = asked === '' || asked === 'table';
  const format = isTable ? (flagBool(flags, 'quiet') ? '{{.ID}}' : networkTable) : asked;
  session.out.write(formatRows(format, rows, networkHeadings));
}
