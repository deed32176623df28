import { EngineError, parseDuration, parseSize } from '@gantry/base';
import type { CollectPolicy, ImageRecord } from '@gantry/engine';
import { matchesLabels } from '../filters/filters.ts';
import { matchesReference } from '../filters/images.ts';

/** Long enough for whoever pulls an image to run it, and for a client to come back to one that it just used. */
const usualKeepMs = 3_600_000;

type Pair = readonly [name: string, value: string];

/**
 * Parses `image-gc`: names are those of BuildKit's cache policies where it has the thing.
 *
 * @param pairs `unusedFor=720h`, `maxUsedSpace=50GB`, `minFreeSpace=10%`, `reservedSpace`, `keepDuration`,
 *   `keep=label=x,reference=y*`; none: no image goes by itself
 * @throws invalid, naming the pair
 */
export function parseImagePolicy(pairs: readonly Pair[]): CollectPolicy | undefined {
  if (pairs.length === 0) return undefined;
  for (const [name] of pairs) if (!names.includes(name)) throw wrong([name, ''], `use ${names.join(', ')}`);
  const last = (name: string): Pair | undefined => pairs.filter((pair) => pair[0] === name).at(-1);
  const [unusedFor, keepDuration, maximum, free] = [
    last('unusedFor'),
    last('keepDuration'),
    last('maxUsedSpace'),
    last('minFreeSpace'),
  ];
  if (unusedFor === undefined && maximum === undefined && free === undefined)
    throw new EngineError('invalid', 'invalid image-gc: set unusedFor, maxUsedSpace or minFreeSpace');
  const reserved = last('reservedSpace');
  const kept = pairs
    .filter(([name]) => name === 'keep')
    .flatMap((pair) => pair[1].split(',').map((one) => keeper(pair, one)));
  return {
    unusedForMs: unusedFor === undefined ? undefined : durationOf(unusedFor),
    keepDurationMs: keepDuration === undefined ? usualKeepMs : durationOf(keepDuration),
    maxUsedBytes: maximum === undefined ? undefined : sizeOf(maximum),
    minFree: free === undefined ? undefined : shareOf(free),
    reservedBytes: reserved === undefined ? 0 : sizeOf(reserved),
    keeps: (image) => kept.some((keeps) => keeps(image)),
  };
}

const names = ['unusedFor', 'keepDuration', 'maxUsedSpace', 'minFreeSpace', 'reservedSpace', 'keep'];

function durationOf(pair: Pair): number {
  const ms = parseDuration(pair[1]);
  if (ms === undefined || ms < 0) throw wrong(pair, 'use a duration such as 720h');
  return ms;
}

function sizeOf(pair: Pair): number {
  try {
    return parseSize(pair[1]);
  } catch {
    throw wrong(pair, 'use a size such as 20GB');
  }
}

function shareOf(pair: Pair): { readonly bytes: number } | { readonly percent: number } {
  const share = /^(\d{1,2}(?:\.\d+)?)%$/.exec(pair[1])?.[1];
  return share === undefined ? { bytes: sizeOf(pair) } : { percent: Number(share) };
}

function keeper(pair: Pair, text: string): (image: ImageRecord) => boolean {
  const [, kind, value = ''] = /^(label|reference)=(.+)$/.exec(text) ?? [];
  if (kind === 'label') return ({ config }) => matchesLabels(new Map([['label', [value]]]), config.labels);
  if (kind === 'reference') return ({ tags }) => tags.some((tag) => matchesReference(tag, value));
  throw wrong(pair, 'use label=NAME, label=NAME=VALUE or reference=PATTERN');
}

function wrong([name, value]: Pair, how: string): EngineError {
  return new EngineError('invalid', `invalid image-gc: ${value === '' ? name : `${name}=${value}`}: ${how}`);
}
