import { routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { boolFlag, type Command, type Invocation, textFlag } from '../../command.ts';
import { historyHeadings, historyRow } from '../../format/images.ts';
import { formatRows } from '../../format/list-format.ts';
import { listFormatFlag } from '../format-flag.ts';
import { platformDocument } from './platform-flag.ts';

export const historyCommand: Command = {
  usage: '[OPTIONS] IMAGE',
  flags: [
    listFormatFlag,
    boolFlag('human', 'Print sizes and dates for people', { short: 'H', default: 'true' }),
    boolFlag('no-trunc', "Don't truncate output"),
    textFlag('platform', 'History of one platform, "os[/arch[/variant]]" (e.g., "linux/amd64")'),
    boolFlag('quiet', 'Only show image IDs', { short: 'q' }),
  ],
  arity: { min: 1, max: 1 },
  words: 'image',
  run: showHistory,
};

async function showHistory({ session, flags, words }: Invocation): Promise<void> {
  const asked = flagText(flags, 'format') ?? '';
  const isHuman = flagText(flags, 'human') !== 'false';
  const query = { platform: platformDocument(flagText(flags, 'platform')) };
  const layers = await session.engine.call(routes.imageHistory, { path: { name: words[0] ?? '' }, query });
  const options = { isTruncated: !flagBool(flags, 'no-trunc'), isHuman, nowMs: Date.now() };
  const when = isHuman ? '{{.CreatedSince}}' : '{{.CreatedAt}}';
  const table = `table {{.ID}}\t${when}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`;
  const isTable = asked === '' || asked === 'table';
  const format = isTable ? (flagBool(flags, 'quiet') ? '{{.ID}}' : table) : asked;
  const rows = layers.map((layer) => historyRow(layer, options));
  session.out.write(formatRows(format, rows, historyHeadings));
}
