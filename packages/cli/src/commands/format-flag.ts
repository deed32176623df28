import { type Flag, textFlag } from '../command.ts';

const common = `'json':             Print as JSON
'TEMPLATE':         Print with the given Go template`;

/** The `--format` flag of a list. */
export const listFormatFlag: Flag = textFlag(
  'format',
  `Print with a template:
'table':            Print a table with headings (default)
'table TEMPLATE':   Print a table of the given Go template
${common}`,
);

/** The `--format` flag of one document. */
export const documentFormatFlag: Flag = textFlag('format', `Print with a template:\n${common}`, { short: 'f' });

/** The same without its letter, which `events` needs for filters. */
export const streamFormatFlag: Flag = textFlag('format', `Print with a template:\n${common}`);
