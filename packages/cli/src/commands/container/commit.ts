import { routes } from '@gantry/api';
import { flagBool, flagList, flagText } from '@gantry/base';
import { familiarName, parseReference } from '@gantry/oci';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation, listFlag, textFlag } from '../../command.ts';

export const commitCommand: Command = {
  usage: '[OPTIONS] CONTAINER [REPOSITORY[:TAG]]',
  flags: [
    textFlag('author', 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")', { short: 'a' }),
    listFlag('change', 'Apply a Dockerfile instruction to the image', { short: 'c' }),
    textFlag('message', 'Commit message of the image', { short: 'm' }),
    boolFlag('no-pause', 'Let the container run while its files are read', { hidden: true }),
    boolFlag('pause', 'Pause the container while its files are read', { short: 'p', default: 'true' }),
  ],
  arity: { min: 1, max: 2 },
  words: 'container',
  run: commit,
};

async function commit({ session, flags, words }: Invocation): Promise<void> {
  const [container = '', target] = words;
  const reference = target === undefined ? undefined : parseReference(target);
  if (reference?.digest !== undefined) throw new CliError('refusing to create a tag with a digest reference');
  const query = {
    container,
    repo: reference === undefined ? '' : familiarName(reference),
    tag: reference === undefined ? '' : (reference.tag ?? 'latest'),
    author: flagText(flags, 'author') ?? '',
    comment: flagText(flags, 'message') ?? '',
    changes: flagList(flags, 'change'),
    pause: !flagBool(flags, 'no-pause') && (flagText(flags, 'pause') === undefined || flagBool(flags, 'pause')),
  };
  const { Id } = await session.engine.call(routes.containerCommit, { query });
  session.out.line(Id);
}
