import { routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { familiarName, parseReference, repositoryOf, withDefaultTag } from '@gantry/oci';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation, textFlag } from '../../command.ts';
import { registryAuthHeader } from '../../credentials/credentials.ts';
import { printProgress } from '../../progress.ts';
import { platformDocument } from './platform-flag.ts';

export const pushCommand: Command = {
  usage: '[OPTIONS] NAME[:TAG]',
  flags: [
    boolFlag('all-tags', 'Push every tag of the repository', { short: 'a' }),
    boolFlag('disable-content-trust', '', { hidden: true, deprecated: 'support for docker content trust was removed' }),
    textFlag('platform', 'Push only if the image is for this platform, "os[/arch[/variant]]" (e.g., "linux/amd64")'),
    boolFlag('quiet', 'Say nothing but the name', { short: 'q' }),
  ],
  arity: { min: 1, max: 1 },
  words: 'image',
  run: push,
};

async function push({ session, flags, words }: Invocation): Promise<void> {
  const given = parseReference(words[0] ?? '');
  const allTags = flagBool(flags, 'all-tags');
  const isQuiet = flagBool(flags, 'quiet');
  const isNameOnly = given.tag === undefined && given.digest === undefined;
  if (allTags && !isNameOnly) throw new CliError("tag can't be used with --all-tags/-a");
  if (given.digest !== undefined) throw new CliError('cannot push a digest reference');
  if (!allTags && isNameOnly && !isQuiet) session.out.line('Using default tag: latest');
  const { tag = '' } = allTags ? given : withDefaultTag(given);
  const name = familiarName(given);
  const headers = await registryAuthHeader(name, session.environment);
  const query = { tag, platform: platformDocument(flagText(flags, 'platform')) };
  const progress = await session.engine.lines(routes.imagePush, { path: { name }, query, headers });
  await printProgress(progress, isQuiet ? undefined : session.out);
  if (isQuiet) session.out.line(`${repositoryOf(given)}${tag === '' ? '' : `:${tag}`}`);
}
