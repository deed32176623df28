import { routes } from '@gantry/api';
import { flagText } from '@gantry/base';
import { anyNumber, type Command, textFlag } from '../../command.ts';
import { documentFormatFlag } from '../format-flag.ts';
import { inspectDocuments } from '../inspect-documents.ts';
import { platformDocument } from './platform-flag.ts';

export const inspectCommand: Command = {
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  flags: [documentFormatFlag, textFlag('platform', 'Inspect one platform of the image, "os[/arch[/variant]]"')],
  arity: { min: 1, max: anyNumber },
  words: 'image',
  run: async ({ session, flags, words }) => {
    const query = { platform: platformDocument(flagText(flags, 'platform')) };
    await inspectDocuments(session, { names: words, format: flagText(flags, 'format') ?? '' }, (name) =>
      session.engine.text(routes.imageInspect, { path: { name }, query }),
    );
  },
};
