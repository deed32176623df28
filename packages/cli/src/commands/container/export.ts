import { routes } from '@gantry/api';
import { type Command, type Invocation, textFlag } from '../../command.ts';
import { writeArchive } from '../write-archive.ts';

export const exportCommand: Command = {
  usage: '[OPTIONS] CONTAINER',
  flags: [textFlag('output', 'Write to a file, instead of STDOUT', { short: 'o' })],
  arity: { min: 1, max: 1 },
  words: 'container',
  run: async ({ session, flags, words }: Invocation) =>
    await writeArchive({ session, flags, verb: 'export container' }, async () => {
      const { bytes } = await session.engine.bytes(routes.containerExport, { path: { id: words[0] ?? '' } });
      return bytes;
    }),
};
