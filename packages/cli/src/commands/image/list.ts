import { routes } from '@gantry/api';
import { flagBool, flagText, type ParsedFlags } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation } from '../../command.ts';
import { formatImageTree } from '../../format/image-tree.ts';
import { imageDigestTable, imageHeadings, imageRow, imageTable, namesOf } from '../../format/images.ts';
import { formatRows } from '../../format/list-format.ts';
import { filterFlag, parseFilters, withFilter } from '../../request/filters.ts';
import { listFormatFlag } from '../format-flag.ts';

export const listCommand: Command = {
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  flags: [
    boolFlag('all', 'Show all images (default hides intermediate images)', { short: 'a' }),
    boolFlag('digests', 'Show digests'),
    filterFlag('Filter output by conditions', 'f'),
    listFormatFlag,
    boolFlag('no-trunc', "Don't truncate output"),
    boolFlag('quiet', 'Only show image IDs', { short: 'q' }),
    boolFlag('tree', 'List the platforms of each image below it; U: in use'),
  ],
  arity: { min: 0, max: 1 },
  words: 'image',
  run: listImages,
};

/** What says how rows look means nothing to a tree. */
function refuseWithTree(flags: ParsedFlags): void {
  for (const name of ['no-trunc', 'quiet', 'digests'])
    if (flagBool(flags, name)) throw new CliError(`--${shownFlags[name] ?? name} is not yet supported with --tree`);
  if ((flagText(flags, 'format') ?? '') !== '') throw new CliError('--format is not yet supported with --tree');
}

/** Docker's name for it here. */
const shownFlags: Readonly<Record<string, string>> = { digests: 'show-digest' };

async function listImages({ session, flags, words }: Invocation): Promise<void> {
  const asked = flagText(flags, 'format') ?? '';
  const given = parseFilters(flags);
  const filters = words[0] === undefined ? given : withFilter(given, 'reference', words[0]);
  const isTree = flagBool(flags, 'tree');
  if (isTree) refuseWithTree(flags);
  const query = { all: flagBool(flags, 'all'), filters, manifests: isTree };
  const images = await session.engine.call(routes.imageList, { query });
  if (isTree) return session.out.write(formatImageTree(images));
  const wantsDigests = flagBool(flags, 'digests');
  const table = wantsDigests ? imageDigestTable : imageTable;
  const format = asked === '' || asked === 'table' ? (flagBool(flags, 'quiet') ? '{{.ID}}' : table) : asked;
  const showsDigests = wantsDigests || format.includes('{{.Digest}}');
  const options = { isTruncated: !flagBool(flags, 'no-trunc'), nowMs: Date.now(), showsDigests };
  const rows = images.flatMap((image) => namesOf(image, showsDigests)).map((named) => imageRow(named, options));
  session.out.write(formatRows(format, rows, imageHeadings));
}
