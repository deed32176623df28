import { routes } from '@gantry/api';
import type { Command, Invocation } from '../../command.ts';

export const diffCommand: Command = {
  usage: 'CONTAINER',
  flags: [],
  arity: { min: 1, max: 1 },
  words: 'container',
  run: diff,
};

const letters = ['C', 'A', 'D'] as const;

async function diff({ session, words }: Invocation): Promise<void> {
  const changes = await session.engine.call(routes.containerChanges, { path: { id: words[0] ?? '' } });
  for (const { Kind, Path } of changes ?? []) session.out.line(`${letters[Kind]} ${Path}`);
}
