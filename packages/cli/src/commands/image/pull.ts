import { flagBool } from '@gantry/base';
import { formatReference, parseReference, repositoryOf, withDefaultTag } from '@gantry/oci';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation, textFlag } from '../../command.ts';
import { pullImage } from '../../pull-image.ts';
import { platformOf } from '../container/create-container.ts';

export const pullCommand: Command = {
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  flags: [
    boolFlag('all-tags', 'Download every tag of the repository', { short: 'a' }),
    boolFlag('disable-content-trust', '', { hidden: true, deprecated: 'support for docker content trust was removed' }),
    textFlag('platform', 'Platform of the image, if the engine knows several'),
    boolFlag('quiet', 'Say nothing but the name', { short: 'q' }),
  ],
  arity: { min: 1, max: 1 },
  words: 'image',
  run: pull,
};

async function pull({ session, flags, words }: Invocation): Promise<void> {
  const given = parseReference(words[0] ?? '');
  const isNameOnly = given.tag === undefined && given.digest === undefined;
  const allTags = flagBool(flags, 'all-tags');
  if (allTags && !isNameOnly) throw new CliError("tag can't be used with --all-tags/-a");
  const isQuiet = flagBool(flags, 'quiet');
  const reference = allTags ? given : withDefaultTag(given);
  if (!allTags && isNameOnly && !isQuiet) session.out.line('Using default tag: latest');
  const output = isQuiet ? undefined : session.out;
  await pullImage(session, {
    image: formatReference(reference),
    allTags,
    platform: platformOf(session, flags),
    output,
  });
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  session.out.line(`${repositoryOf(reference)}${tag}${digest}`);
}
