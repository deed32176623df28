import { routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { anyNumber, boolFlag, type Command } from '../../command.ts';
import { documentFormatFlag } from '../format-flag.ts';
import { inspectDocuments } from '../inspect-documents.ts';

export const inspectCommand: Command = {
  usage: '[OPTIONS] NETWORK [NETWORK...]',
  flags: [documentFormatFlag, boolFlag('verbose', 'Show more, for finding faults', { short: 'v' })],
  arity: { min: 1, max: anyNumber },
  words: 'network',
  run: async ({ session, flags, words }) => {
    const query = { verbose: flagBool(flags, 'verbose') };
    await inspectDocuments(session, { names: words, format: flagText(flags, 'format') ?? '' }, (id) =>
      session.engine.text(routes.networkInspect, { path: { id }, query }),
    );
  },
};
