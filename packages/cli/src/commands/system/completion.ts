import { routes } from '@gantry/api';
import { CliError } from '../../cli-error.ts';
import { anyNumber, type Command, type Invocation, type WordKind } from '../../command.ts';
import { completeWords, completionScript, type Shell, startingWith } from '../../completion.ts';
import type { Session } from '../../session.ts';

/** Prints one shell's script. */
export function scriptCommand(shell: Shell): Command {
  return {
    usage: '',
    flags: [],
    arity: { min: 0, max: 0 },
    run: async ({ session }) => session.out.write(completionScript(shell, session.program)),
  };
}

/** What the scripts ask: the words so far, answered with those that may follow. */
export const askCommand: Command = {
  usage: '',
  flags: [],
  arity: { min: 0, max: anyNumber },
  isRaw: true,
  run: answer,
};

async function answer({ session, words }: Invocation): Promise<void> {
  const { candidates, names } = await completeWords(session.table, words);
  const known = (await namesOf(session, names)).map((word) => ({ word, about: '' }));
  for (const { word, about } of [...candidates, ...startingWith(known, words.at(-1) ?? '')]) {
    session.out.line(about === '' ? word : `${word}\t${about}`);
  }
  if (names === 'file') session.out.line(':file');
}

async function namesOf({ engine, choice }: Session, kind: WordKind): Promise<string[]> {
  if (kind === 'none' || kind === 'file') return [];
  if (!choice.isNamed && !(await isListening(choice.address))) return [];
  try {
    switch (kind) {
      case 'container': {
        const containers = await engine.call(routes.containerList, { query: { all: true } });
        return containers.flatMap(({ Names }) => Names.map((name) => name.replace(/^\//, '')));
      }
      case 'image':
        return (await engine.call(routes.imageList)).flatMap(({ RepoTags }) => RepoTags ?? []);
      case 'network':
        return (await engine.call(routes.networkList)).map(({ Name }) => Name);
      case 'volume':
        return ((await engine.call(routes.volumeList)).Volumes ?? []).map(({ Name }) => Name);
    }
  } catch (error) {
    // A shell that completes must not print errors; without an engine there are no names.
    if (error instanceof CliError) return [];
    throw error;
  }
}

/** Pressing tab must not start an engine. */
async function isListening(address: Session['choice']['address']): Promise<boolean> {
  const { tryConnect } = await import('../../start-engine.ts');
  using connection = await tryConnect(address);
  return connection !== undefined;
}
