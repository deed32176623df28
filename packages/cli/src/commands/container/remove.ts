import { routes } from '@gantry/api';
import { flagBool } from '@gantry/base';
import { CliError, EngineReplyError } from '../../cli-error.ts';
import { anyNumber, boolFlag, type Command, type Invocation } from '../../command.ts';
import { forEachName } from '../../for-each-name.ts';
import { dryRunFlag, formatPlan, wantsDryRun } from '../dry-run.ts';

export const removeCommand: Command = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: [
    dryRunFlag,
    boolFlag('force', 'Remove a running container too (with SIGKILL)', { short: 'f' }),
    boolFlag('link', 'Remove the named link', { short: 'l' }),
    boolFlag('volumes', 'Remove its anonymous volumes too', { short: 'v' }),
  ],
  arity: { min: 1, max: anyNumber },
  words: 'container',
  run: removeContainers,
};

async function removeContainers({ session, flags, words }: Invocation): Promise<void> {
  const force = flagBool(flags, 'force');
  const query = {
    force,
    volumes: flagBool(flags, 'volumes'),
    link: flagBool(flags, 'link'),
    plan: await wantsDryRun(session, flags),
  };
  await forEachName(session, words, async (name) => {
    const id = name.replace(/^\/+|\/+$/g, '');
    if (id === '') throw new CliError('container name cannot be empty');
    try {
      const after = query.plan ? words.slice(0, words.indexOf(name)) : [];
      const plan = await session.engine.call(routes.containerRemove, { path: { id }, query: { ...query, after } });
      return plan === undefined ? name : formatPlan(plan).join('\n');
    } catch (error) {
      // --force asks that it be gone, and it is.
      if (force && error instanceof EngineReplyError && error.code === 'not-found') {
        session.err.line(error.message);
        return undefined;
      }
      throw error;
    }
  });
}
