import { routes } from '@gantry/api';
import { flagBool } from '@gantry/base';
import { CliError, EngineReplyError } from '../../cli-error.ts';
import { anyNumber, boolFlag, type Command, type Invocation } from '../../command.ts';
import { dryRunFlag, formatPlan, wantsDryRun } from '../dry-run.ts';

export const removeCommand: Command = {
  usage: 'NETWORK [NETWORK...]',
  flags: [dryRunFlag, boolFlag('force', 'A network that does not exist is no error', { short: 'f' })],
  arity: { min: 1, max: anyNumber },
  words: 'network',
  run: removeNetworks,
};

async function removeNetworks({ session, flags, words }: Invocation): Promise<void> {
  const query = { plan: await wantsDryRun(session, flags) };
  let failed = false;
  for (const id of words) {
    try {
      const plan = await session.engine.call(routes.networkRemove, { path: { id }, query });
      session.out.line(plan === undefined ? id : formatPlan(plan).join('\n'));
    } catch (error) {
      if (!(error instanceof EngineReplyError)) throw error;
      if (flagBool(flags, 'force') && error.code === 'not-found') continue;
      session.err.line(error.message);
      failed = true;
    }
  }
  if (failed) throw new CliError('exit status 1');
}
