import { routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { boolFlag, type Command, type Invocation, intFlag } from '../../command.ts';
import { registryAuthHeader } from '../../credentials/credentials.ts';
import { formatRows } from '../../format/list-format.ts';
import { searchHeadings, searchRow, searchTable } from '../../format/search.ts';
import { filterFlag, parseFilters } from '../../request/filters.ts';
import { listFormatFlag } from '../format-flag.ts';

export const searchCommand: Command = {
  usage: '[OPTIONS] TERM',
  flags: [
    filterFlag('Filter output by conditions', 'f'),
    listFormatFlag,
    intFlag('limit', 'Most results to show'),
    boolFlag('no-trunc', "Don't truncate output"),
  ],
  arity: { min: 1, max: 1 },
  run: search,
};

const deprecated =
  'WARNING: the "is-automated" filter is deprecated, and searching for "is-automated=true" will not yield any results in future.';

async function search({ session, flags, words }: Invocation): Promise<void> {
  const [term = ''] = words;
  const limit = flagText(flags, 'limit');
  const filters = parseFilters(flags);
  if (filters.has('is-automated')) session.err.line(deprecated);
  const results = await session.engine.call(routes.imageSearch, {
    query: { term, filters, ...(limit !== undefined && { limit: Number(limit) }) },
    headers: await registryAuthHeader(registryOf(term), session.environment),
  });
  const asked = flagText(flags, 'format') ?? '';
  const format = asked === '' || asked === 'table' ? searchTable : asked;
  const isTruncated = !flagBool(flags, 'no-trunc');
  session.out.write(
    formatRows(
      format,
      results.map((result) => searchRow(result, isTruncated)),
      searchHeadings,
    ),
  );
}

/** Some name in the registry that is searched: only its host counts. */
function registryOf(term: string): string {
  const [first = '', ...rest] = term.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? `${first}/x` : 'x';
}
