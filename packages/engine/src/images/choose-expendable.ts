import { formatSize } from '@gantry/base';
import type { CollectPolicy } from './types.ts';

/** An image that may go, and what its removal gains once all before it in the list are gone. */
export type Candidate = { readonly id: string; readonly lastUsedAt: Date; readonly gainBytes: number };

/** What images take now, and what is left of their file system. */
export type Room = { readonly usedBytes: number; readonly freeBytes: number; readonly totalBytes: number };

export type Expendable = {
  readonly id: string;
  readonly lastUsedAt: Date;
  /** As a sentence. */
  readonly why: string;
};

/**
 * Puts images in the order in which they go: who is too old first, then those without a name, then by their last use.
 * Who was used lately is left out.
 */
export function orderByWorth<T extends { readonly lastUsedAt: Date; readonly isNamed: boolean }>(
  images: readonly T[],
  policy: CollectPolicy,
  now: Date,
): T[] {
  const rank = (image: T): number => (isTooOld(image, policy, now) ? 0 : image.isNamed ? 2 : 1);
  return images
    .filter(({ lastUsedAt }) => now.getTime() - lastUsedAt.getTime() >= policy.keepDurationMs)
    .sort((one, other) => rank(one) - rank(other) || one.lastUsedAt.getTime() - other.lastUsedAt.getTime());
}

/** Takes images from the front for as long as one is too old, or images take too much, or too little is left. */
export function chooseExpendable(
  candidates: readonly Candidate[],
  policy: CollectPolicy,
  { room, now }: { room: Room; now: Date },
): Expendable[] {
  const chosen: Expendable[] = [];
  let { usedBytes, freeBytes } = room;
  for (const candidate of candidates) {
    const { id, lastUsedAt, gainBytes } = candidate;
    const why = isTooOld(candidate, policy, now)
      ? `it was last used on ${lastUsedAt.toISOString()}`
      : shortageOf(policy, { ...room, usedBytes, freeBytes });
    if (why === undefined) break;
    chosen.push({ id, lastUsedAt, why });
    usedBytes -= gainBytes;
    freeBytes += gainBytes;
  }
  return chosen;
}

/** Why images have to give way, as a sentence; undefined when they need not. */
export function shortageOf(
  { maxUsedBytes, minFree, reservedBytes }: CollectPolicy,
  { usedBytes, freeBytes, totalBytes }: Room,
): string | undefined {
  if (usedBytes <= reservedBytes) return undefined;
  if (maxUsedBytes !== undefined && usedBytes > maxUsedBytes)
    return `images take ${formatSize(usedBytes)}, more than ${formatSize(maxUsedBytes)}`;
  const wanted = minFree === undefined ? 0 : 'bytes' in minFree ? minFree.bytes : (totalBytes * minFree.percent) / 100;
  return freeBytes < wanted
    ? `${formatSize(freeBytes)} are free on the disk, less than ${formatSize(wanted)}`
    : undefined;
}

function isTooOld({ lastUsedAt }: { readonly lastUsedAt: Date }, { unusedForMs }: CollectPolicy, now: Date): boolean {
  return unusedForMs !== undefined && now.getTime() - lastUsedAt.getTime() > unusedForMs;
}
