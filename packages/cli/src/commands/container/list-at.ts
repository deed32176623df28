import { routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import type { Invocation } from '../../command.ts';
import { formatRows } from '../../format/list-format.ts';
import { pastRunHeadings, pastRunRow, pastRunTable } from '../../format/past-runs.ts';
import { parseMoment } from '../../request/timestamps.ts';

/** What the journal does not know of a container that is gone. */
const presentOnly = ['all', 'filter', 'last', 'latest', 'size'];

/** `ps --at TIME`: what ran then, by the journal, containers that are gone included. */
export async function listContainersAt({ session, flags }: Invocation, moment: string): Promise<void> {
  const misplaced = presentOnly.find((name) => flags.values.has(name));
  if (misplaced !== undefined) throw new CliError(`conflicting options: --at and --${misplaced}`);
  const timeNanos = parseMoment(moment, Date.now());
  const runs = await session.engine.call(routes.containerRanAt, { query: { timeNanos } });
  const rows = runs.map((run) => pastRunRow(run, !flagBool(flags, 'no-trunc')));
  const asked = flagText(flags, 'format') ?? '';
  const format = flagBool(flags, 'quiet') ? '{{.ID}}' : asked === '' || asked === 'table' ? pastRunTable : asked;
  session.out.write(formatRows(format, rows, pastRunHeadings));
}
