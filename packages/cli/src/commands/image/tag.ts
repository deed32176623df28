import { routes } from '@gantry/api';
import { familiarName, parseReference, withDefaultTag } from '@gantry/oci';
import { CliError } from '../../cli-error.ts';
import type { Command } from '../../command.ts';

export const tagCommand: Command = {
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  flags: [],
  arity: { min: 2, max: 2 },
  words: 'image',
  run: async ({ session, words }) => {
    const [name = '', target = ''] = words;
    const reference = parseTarget(target);
    const query = { repo: familiarName(reference), tag: reference.tag ?? '' };
    await session.engine.call(routes.imageTag, { path: { name }, query });
  },
};

function parseTarget(text: string): ReturnType<typeof parseReference> {
  try {
    return withDefaultTag(parseReference(text));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(`Error parsing reference: ${JSON.stringify(text)} is not a valid repository/tag: ${why}`);
  }
}
