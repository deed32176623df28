import { shortId } from '@gantry/base';
import { parseDigest, parseImageConfig } from '@gantry/oci';
import { decideAlone } from './decide-removal.ts';
import type { ImageDeps } from './deps.ts';
import { chainsOf } from './record.ts';
import { carryOut } from './remove.ts';
import type { ImageRow } from './rows.ts';
import type { DiscardedImage, LostContent } from './types.ts';

/**
 * Removes layers and blobs that are not what they should be, and every image that has one of them: it could neither run
 * nor be pulled again while its row says that it is there. A container that stands on such a layer keeps what it wrote
 * and its claim on the chain, so that a pull of the same image makes it whole.
 */
export async function discardImages(deps: ImageDeps, lost: LostContent): Promise<readonly DiscardedImage[]> {
  const discarded = imagesHaving(deps, lost);
  for (const row of discarded.flatMap(({ id }) => deps.rows.find(id) ?? []))
    await carryOut(deps, decideAlone(deps.rows, row));
  for (const chainId of lost.layers) await deps.snapshots.forget(chainId);
  for (const digest of lost.blobs) deps.content.forget(parseDigest(digest));
  return discarded;
}

export function imagesHaving(deps: ImageDeps, lost: LostContent): readonly DiscardedImage[] {
  const having = deps.rows.list().filter((row) => hasLost(deps, row, lost));
  return having.map(({ id }) => {
    const references = [...deps.rows.references(id), ...deps.rows.namesByIndex(id)];
    const isDigest = (reference: string): boolean => reference.includes('@');
    const name = references.find((reference) => !isDigest(reference)) ?? references[0] ?? shortId(id);
    return { id, name, isPullable: references.some(isDigest) };
  });
}

function hasLost({ content }: ImageDeps, { id, config }: ImageRow, { layers, blobs }: LostContent): boolean {
  const user = `image:${id}`;
  return (
    chainsOf(parseImageConfig(config).diffIds).some((chainId) => layers.has(chainId)) ||
    [...blobs].some((digest) => content.usersOf(parseDigest(digest)).includes(user))
  );
}

/**
 * When the machine was started again: rows may speak of files that were never written out, and rows of what was removed
 * may have come back. Neither is trusted.
 */
export async function discardAfterPowerLoss(deps: ImageDeps): Promise<void> {
  const { interrupted } = deps.durability;
  if (interrupted === undefined) return;
  const lost = await findLost(deps, interrupted.suspects);
  if (lost.layers.size + lost.blobs.size === 0) return;
  const stranded = deps.snapshots.standingOn(lost.layers);
  const since = interrupted.syncedAt === undefined ? '' : ` (all until ${interrupted.syncedAt.toISOString()} is)`;
  for (const image of await discardImages(deps, lost))
    deps.warn(
      `image ${image.name} was removed: the machine stopped before it was on the disk${since}; ${wayBack(image)}`,
    );
  for (const id of stranded)
    deps.warn(`container ${shortId(id)} cannot start until its image is there again; it keeps what it wrote`);
}

async function findLost(
  { snapshots, content }: ImageDeps,
  suspects: NonNullable<ImageDeps['durability']['interrupted']>['suspects'],
): Promise<LostContent> {
  const { signal } = new AbortController();
  const [layers, blobs] = [
    await snapshots.damaged({ reads: false }, signal),
    await content.damaged({ reads: false }, signal),
  ];
  const namesOf = (kind: 'layer' | 'blob') => suspects.filter((one) => one.kind === kind).map(({ name }) => name);
  return {
    layers: new Set([...namesOf('layer'), ...layers.map(({ chainId }) => chainId)]),
    blobs: new Set([...namesOf('blob'), ...blobs.map(({ digest }) => digest)]),
  };
}

/** How a discarded image is had again. */
export function wayBack({ name, isPullable }: DiscardedImage): string {
  return isPullable
    ? `get it back with: pull ${name}`
    : 'load, import or build it again: no registry is known to have it';
}
