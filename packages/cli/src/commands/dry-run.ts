import { type RemovalPlanWire, routes } from '@gantry/api';
import { flagBool, formatSize, type ParsedFlags } from '@gantry/base';
import { CliError } from '../cli-error.ts';
import { boolFlag } from '../command.ts';
import type { Session } from '../session.ts';

export const dryRunFlag = boolFlag('dry-run', 'Show what would be removed, and remove nothing');

/**
 * Tells whether a dry run is asked for, having made sure that the engine knows what that is.
 *
 * SAFETY: an engine that does not know `plan=1` passes over it and removes in earnest, so it is asked first.
 *
 * @throws CliError when it does not
 */
export async function wantsDryRun(session: Session, flags: ParsedFlags): Promise<boolean> {
  if (!flagBool(flags, 'dry-run')) return false;
  const { Components } = await session.engine.call(routes.version);
  if (Components.some(({ Details }) => Details.Plans === 'true')) return true;
  throw new CliError('cannot make a dry run: this engine does not know them, and would remove in earnest');
}

/** What a removal would do, a line for each thing, in the layout of `rmi`. */
export function formatPlan(plan: RemovalPlanWire): readonly string[] {
  return [
    ...plan.Containers.map(({ Name }) => `Would delete container: ${Name}`),
    ...plan.Networks.map(({ Name }) => `Would delete network: ${Name}`),
    ...plan.Volumes.map((name) => `Would delete volume: ${name}`),
    ...plan.Images.map(({ Untagged, Deleted }) =>
      Deleted === undefined ? `Would untag: ${Untagged}` : `Would delete: ${Deleted}`,
    ),
    `Would reclaim: ${formatSize(plan.SpaceReclaimed)}`,
  ];
}
