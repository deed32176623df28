import { routes } from '@gantry/api';
import { flagList, flagText } from '@gantry/base';
import { familiarName, parseReference } from '@gantry/oci';
import { anyNumber, type Command, type Invocation, listFlag, textFlag } from '../../command.ts';
import { printProgress } from '../../progress.ts';
import { platformOf } from '../container/create-container.ts';
import { readArchive } from './load.ts';

export const importCommand: Command = {
  usage: '[OPTIONS] file|URL|- [REPOSITORY[:TAG]]',
  flags: [
    listFlag('change', 'Apply a Dockerfile instruction to the image', { short: 'c' }),
    textFlag('message', 'Commit message of the image', { short: 'm' }),
    textFlag('platform', 'Platform of the image, if the engine knows several'),
  ],
  arity: { min: 1, max: anyNumber },
  words: 'file',
  run: importImage,
};

async function importImage({ session, flags, words }: Invocation): Promise<void> {
  const [source = '', target] = words;
  const reference = target === undefined ? undefined : parseReference(target);
  const isRemote = /^https?:\/\//.test(source);
  const query = {
    fromSrc: isRemote ? source : '-',
    repo: reference === undefined ? '' : familiarName(reference),
    tag: reference?.tag ?? '',
    message: flagText(flags, 'message') ?? '',
    changes: flagList(flags, 'change'),
    platform: platformOf(session, flags),
  };
  // A remote source is fetched by the engine; nothing is sent then.
  const archive = (): AsyncIterable<Uint8Array> => (source === '-' ? Bun.stdin.stream() : readArchive(source));
  const upload = isRemote ? undefined : { type: 'text/plain', bytes: archive() };
  await printProgress(await session.engine.lines(routes.imageCreate, { query }, upload), session.out);
}
