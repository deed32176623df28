import { type DeletedImageWire, routes } from '@gantry/api';
import { flagBool, flagList } from '@gantry/base';
import { CliError, EngineReplyError } from '../../cli-error.ts';
import { anyNumber, boolFlag, type Command, type Invocation, listFlag } from '../../command.ts';
import { dryRunFlag, formatPlan, wantsDryRun } from '../dry-run.ts';
import { platformDocument } from './platform-flag.ts';

export const removeCommand: Command = {
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  flags: [
    dryRunFlag,
    boolFlag('force', 'Remove the image even when something uses it', { short: 'f' }),
    boolFlag('no-prune', 'Do not delete untagged parents'),
    listFlag('platform', 'Remove only these platforms of the image, "os[/arch[/variant]],..."'),
  ],
  arity: { min: 1, max: anyNumber },
  words: 'image',
  run: removeImages,
};

async function removeImages({ session, flags, words }: Invocation): Promise<void> {
  const force = flagBool(flags, 'force');
  const platforms = flagList(flags, 'platform').flatMap((text) => text.split(',').map(platformDocument));
  const noPrune = flagBool(flags, 'no-prune');
  const query = { force, noPrune, platforms, plan: await wantsDryRun(session, flags) };
  const failures: EngineReplyError[] = [];
  for (const [index, name] of words.entries()) {
    try {
      const after = query.plan ? words.slice(0, index) : [];
      const removed = await session.engine.call(routes.imageRemove, { path: { name }, query: { ...query, after } });
      const lines = 'SpaceReclaimed' in removed ? formatPlan(removed) : removed.map(lineOf);
      for (const line of lines) session.out.line(line);
    } catch (error) {
      if (!(error instanceof EngineReplyError)) throw error;
      failures.push(error);
    }
  }
  if (failures.length === 0) return;
  const text = failures.map((failure) => failure.message).join('\n');
  // --force asks that they be gone: what was never there is told, but is no failure.
  if (!force || failures.some((failure) => failure.code !== 'not-found')) throw new CliError(text);
  session.err.line(text);
}

function lineOf({ Untagged, Deleted }: DeletedImageWire): string {
  return Deleted === undefined ? `Untagged: ${Untagged}` : `Deleted: ${Deleted}`;
}
