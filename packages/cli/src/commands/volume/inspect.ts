import { routes } from '@gantry/api';
import { flagText } from '@gantry/base';
import { anyNumber, type Command } from '../../command.ts';
import { documentFormatFlag } from '../format-flag.ts';
import { inspectDocuments } from '../inspect-documents.ts';

export const inspectCommand: Command = {
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  flags: [documentFormatFlag],
  arity: { min: 1, max: anyNumber },
  words: 'volume',
  run: async ({ session, flags, words }) => {
    await inspectDocuments(session, { names: words, format: flagText(flags, 'format') ?? '' }, (name) =>
      session.engine.text(routes.volumeInspect, { path: { name } }),
    );
  },
};
