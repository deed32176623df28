import { routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { CliError, EngineReplyError } from '../../cli-error.ts';
import { anyNumber, boolFlag, type Command, type Invocation, textFlag } from '../../command.ts';
import type { Session } from '../../session.ts';
import { documentFormatFlag } from '../format-flag.ts';
import { type FetchDocument, inspectDocuments } from '../inspect-documents.ts';

export const inspectCommand: Command = {
  usage: '[OPTIONS] NAME|ID [NAME|ID...]',
  flags: [
    documentFormatFlag,
    boolFlag('size', 'Display total file sizes of containers', { short: 's' }),
    textFlag('type', 'Only inspect objects of this type', { choices: ['container', 'image', 'network', 'volume'] }),
  ],
  arity: { min: 1, max: anyNumber },
  words: 'container',
  run: inspect,
};

async function inspect({ session, flags, words }: Invocation): Promise<void> {
  const type = flagText(flags, 'type');
  const finders = findersOf(session, flagBool(flags, 'size'));
  const known = Object.keys(finders);
  if (type === '') throw new CliError(`type is empty: must be one of "${known.join('", "')}"`);
  if (type !== undefined && !known.includes(type)) {
    throw new CliError(`unknown type: ${JSON.stringify(type)}: must be one of "${known.join('", "')}"`);
  }
  const only = type === undefined ? undefined : finders[type];
  const fetch = only ?? ((name: string) => findAnywhere(Object.values(finders), name));
  await inspectDocuments(session, { names: words, format: flagText(flags, 'format') ?? '' }, fetch);
}

/** Where a name is looked for, in Docker's order. */
function findersOf({ engine }: Session, size: boolean): Readonly<Record<string, FetchDocument>> {
  return {
    container: (id) => engine.text(routes.containerInspect, { path: { id }, query: { size } }),
    image: (name) => engine.text(routes.imageInspect, { path: { name } }),
    network: (id) => engine.text(routes.networkInspect, { path: { id } }),
    volume: (name) => engine.text(routes.volumeInspect, { path: { name } }),
  };
}

async function findAnywhere(finders: readonly FetchDocument[], name: string): Promise<string> {
  for (const find of finders) {
    try {
      return await find(name);
    } catch (error) {
      const isElsewhere =
        error instanceof EngineReplyError &&
        (error.code === 'not-found' || /not supported|invalid reference format/.test(error.reason));
      if (!isElsewhere) throw error;
    }
  }
  throw new CliError(`Error: No such object: ${name}`);
}
