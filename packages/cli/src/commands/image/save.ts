import { routes } from '@gantry/api';
import { anyNumber, type Command, type Invocation, textFlag } from '../../command.ts';
import { writeArchive } from '../write-archive.ts';
import { wirePlatforms } from './platform-flag.ts';

export const saveCommand: Command = {
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  flags: [
    textFlag('output', 'Write to a file, instead of STDOUT', { short: 'o' }),
    textFlag('platform', 'Save one platform only, "os[/arch[/variant]]" (e.g., "linux/amd64")'),
  ],
  arity: { min: 1, max: anyNumber },
  words: 'image',
  run: async ({ session, flags, words }: Invocation) =>
    await writeArchive({ session, flags, verb: 'save image' }, async () => {
      const query = { names: words, platform: wirePlatforms(flags) };
      return (await session.engine.bytes(routes.imageSave, { query })).bytes;
    }),
};
