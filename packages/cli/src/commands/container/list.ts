import { type ContainerSummaryWire, routes } from '@gantry/api';
import { flagBool, flagInt, flagText } from '@gantry/base';
import { boolFlag, type Command, type Invocation, intFlag, textFlag } from '../../command.ts';
import { containerHeadings, containerRow, containerTable } from '../../format/containers.ts';
import { formatRows, templateFailure } from '../../format/list-format.ts';
import { filterFlag, parseFilters } from '../../request/filters.ts';
import { compileTemplate } from '../../template/execute.ts';
import { listFormatFlag } from '../format-flag.ts';
import { listContainersAt } from './list-at.ts';

export const listCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    boolFlag('all', 'Show all containers (default shows just running)', { short: 'a' }),
    textFlag('at', 'Show what ran at a time (e.g. "2026-01-02T13:23:37Z") or a span ago (e.g. "2d"), by the journal'),
    filterFlag('Filter output by conditions', 'f'),
    listFormatFlag,
    intFlag('last', 'Show the last n containers created, in any state', { short: 'n', default: '-1' }),
    boolFlag('latest', 'Show the container created last, in any state', { short: 'l' }),
    boolFlag('no-trunc', "Don't truncate output"),
    boolFlag('quiet', 'Only display container IDs', { short: 'q' }),
    boolFlag('size', 'Display total file sizes', { short: 's' }),
  ],
  arity: { min: 0, max: 0 },
  run: listContainers,
};

async function listContainers(call: Invocation): Promise<void> {
  const { session, flags } = call;
  const moment = flagText(flags, 'at') ?? '';
  if (moment !== '') return await listContainersAt(call, moment);
  const asked = flagText(flags, 'format') ?? '';
  const isQuiet = flagBool(flags, 'quiet');
  if (isQuiet && asked !== '') {
    session.err.line('WARNING: Ignoring custom format, because both --format and --quiet are set.');
  }
  checkFormat(asked);
  const last = flagInt(flags, 'last') ?? -1;
  const limit = flagBool(flags, 'latest') && last === -1 ? 1 : last;
  // Sizes are costly to count: they are asked for only when they are shown.
  const showsSize = flags.values.has('size') ? flagBool(flags, 'size') : !isQuiet && /\.Size\b/.test(asked);
  const query = {
    all: flagBool(flags, 'all'),
    limit: limit > 0 ? limit : undefined,
    size: showsSize,
    filters: parseFilters(flags),
  };
  const containers = await session.engine.call(routes.containerList, { query });
  const options = { isTruncated: !flagBool(flags, 'no-trunc'), nowMs: Date.now() };
  const rows = containers.map((container) => containerRow(container, options));
  const table = showsSize ? `${containerTable}\t{{.Size}}` : containerTable;
  const format = isQuiet ? '{{.ID}}' : asked === '' || asked === 'table' ? table : asked;
  session.out.write(formatRows(format, rows, containerHeadings));
}

/** Tries a template on a container that is nobody's, so that a wrong one fails even when there is nothing to list. */
function checkFormat(format: string): void {
  try {
    compileTemplate(format)(containerRow(noContainer, { isTruncated: true, nowMs: 0 }));
  } catch (error) {
    throw templateFailure(error, 'failed to execute template');
  }
}

const noContainer: ContainerSummaryWire = {
  Id: '',
  Names: [],
  Image: '',
  ImageID: '',
  Command: '',
  Created: 0,
  Ports: [],
  Labels: {},
  State: '',
  Status: '',
  HostConfig: { NetworkMode: '' },
  NetworkSettings: { Networks: {} },
  Mounts: [],
};
