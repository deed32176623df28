import { type Filters, routes } from '@gantry/api';
import { formatSize } from '@gantry/base';
import type { Session } from '../session.ts';

/** `plan`: a dry run; it removes nothing and says so. */
export type PruneQuery = { readonly filters: Filters; readonly plan: boolean; readonly afterContainers?: boolean };

/** Prunes containers and lists them. @returns bytes */
export async function pruneContainers({ engine, out }: Session, query: PruneQuery): Promise<number> {
  const { filters, plan } = query;
  const report = await engine.call(routes.containerPrune, { query: { filters, plan } });
  out.write(listOf('Containers', report.ContainersDeleted ?? [], plan));
  return report.SpaceReclaimed;
}

/** Prunes networks and lists them. */
export async function pruneNetworks({ engine, out }: Session, query: PruneQuery): Promise<void> {
  const report = await engine.call(routes.networkPrune, { query });
  out.write(listOf('Networks', report.NetworksDeleted ?? [], query.plan));
}

/** Prunes volumes and lists them. @returns bytes */
export async function pruneVolumes({ engine, out }: Session, query: PruneQuery): Promise<number> {
  const report = await engine.call(routes.volumePrune, { query });
  out.write(listOf('Volumes', report.VolumesDeleted ?? [], query.plan));
  return report.SpaceReclaimed;
}

/** Prunes images and lists names, images and layers. @returns bytes */
export async function pruneImages({ engine, out }: Session, query: PruneQuery): Promise<number> {
  const report = await engine.call(routes.imagePrune, { query });
  const lines = (report.ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
    Untagged ? `untagged: ${Untagged}` : `deleted: ${Deleted}`,
  );
  out.write(listOf('Images', lines, query.plan));
  return report.SpaceReclaimed;
}

/** The last line of a prune. */
export function totalOf(bytes: number, plan: boolean): string {
  return `Total ${plan ? 'reclaimable' : 'reclaimed'} space: ${formatSize(bytes)}`;
}

function listOf(kind: string, lines: readonly string[], plan: boolean): string {
  return lines.length === 0 ? '' : `${plan ? 'Would delete' : 'Deleted'} ${kind}:\n${lines.join('\n')}\n\n`;
}
