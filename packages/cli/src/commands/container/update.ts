import { routes } from '@gantry/api';
import { flagText } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { anyNumber, type Command, type Invocation, textFlag } from '../../command.ts';
import { forEachName } from '../../for-each-name.ts';
import { parseLimits } from '../../request/resources.ts';
import { parseRestartPolicy } from '../../request/restart-policy.ts';
import { limitFlags } from './container-flags.ts';

export const updateCommand: Command = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: [...limitFlags, textFlag('restart', 'What to do when the container exits')],
  arity: { min: 1, max: anyNumber },
  words: 'container',
  run: updateContainers,
};

async function updateContainers({ session, flags, words }: Invocation): Promise<void> {
  if (flags.values.size === 0) throw new CliError('you must provide one or more flags when using this command');
  const policy = flagText(flags, 'restart') ?? '';
  const limits = parseLimits(flags);
  const body = {
    // Zero would be a limit here; only what was given may change.
    resources: { ...limits, pidsLimit: limits.pidsLimit === 0 ? undefined : limits.pidsLimit },
    restartPolicy: policy === '' ? undefined : parseRestartPolicy(policy),
  };
  const warnings: string[] = [];
  await forEachName(session, words, async (id) => {
    const { Warnings } = await session.engine.call(routes.containerUpdate, { path: { id }, body });
    warnings.push(...(Warnings ?? []));
    return id;
  });
  for (const warning of warnings) session.out.line(warning);
}
