import { routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { anyNumber, boolFlag, type Command } from '../../command.ts';
import { documentFormatFlag } from '../format-flag.ts';
import { inspectDocuments } from '../inspect-documents.ts';

export const inspectCommand: Command = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: [documentFormatFlag, boolFlag('size', 'Display total file sizes', { short: 's' })],
  arity: { min: 1, max: anyNumber },
  words: 'container',
  run: async ({ session, flags, words }) => {
    const query = { size: flagBool(flags, 'size') };
    await inspectDocuments(session, { names: words, format: flagText(flags, 'format') ?? '' }, (id) =>
      session.engine.text(routes.containerInspect, { path: { id }, query }),
    );
  },
};
