import type { Filters } from '@gantry/api';
import { EngineError, parseDuration } from '@gantry/base';
import type { ImageRecord } from '@gantry/engine';
import { anyValue, checkFilters, filterSwitch, matchesLabels, untilOf } from './filters.ts';

/** Go's path.Match: `*` and `?` stop at a slash. @throws invalid when the pattern is malformed */
export function globExpression(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  try {
    return new RegExp(`^${source}$`);
  } catch {
    throw new EngineError('invalid', `invalid reference filter: ${pattern}: syntax error in pattern`);
  }
}

/** A reference filter means the whole reference, or the name without tag and digest. */
export function matchesReference(name: string, pattern: string): boolean {
  const expression = globExpression(pattern);
  const bare = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  return expression.test(name) || expression.test(bare);
}

/** The image with only those of its references that a reference filter asks for, as Docker lists it. */
export function shownReferences(image: ImageRecord, filters: Filters): ImageRecord {
  const patterns = filters.get('reference') ?? [];
  if (patterns.length === 0) return image;
  const isAsked = (name: string): boolean => patterns.some((pattern) => matchesReference(name, pattern));
  return { ...image, tags: image.tags.filter(isAsked), digests: image.digests.filter(isAsked) };
}

const listKeys = ['before', 'dangling', 'label', 'label!', 'reference', 'since', 'until'];

/** The filter of an image list. `find` resolves the images that `before` and `since` name. */
export function imageFilter(
  filters: Filters,
  deps: { now: Date; find: (reference: string) => ImageRecord },
): (image: ImageRecord) => boolean {
  checkFilters(filters, listKeys);
  const dangling = filterSwitch(filters, 'dangling');
  const until = untilOf(filters, deps.now);
  const bounds = (key: string): readonly number[] =>
    (filters.get(key) ?? []).map((reference) => createdMs(deps.find(reference)));
  const before = bounds('before');
  const since = bounds('since');
  return (image) =>
    (dangling === undefined || dangling === (image.tags.length === 0)) &&
    (until === undefined || createdMs(image) < until.getTime()) &&
    before.every((bound) => createdMs(image) < bound) &&
    since.every((bound) => createdMs(image) > bound) &&
    matchesLabels(filters, image.config.labels) &&
    anyValue(filters, 'reference', (pattern) =>
      [...image.tags, ...image.digests].some((name) => matchesReference(name, pattern)),
    );
}

function createdMs(image: ImageRecord): number {
  return image.createdAt?.getTime() ?? 0;
}

/** What an image prune takes: dangling ones, or with `dangling=false` every unused one. */
export function imagePruneFilter(filters: Filters, now: Date): (image: ImageRecord) => boolean {
  checkFilters(filters, ['dangling', 'label', 'label!', 'unused-for', 'until']);
  const onlyDangling = filterSwitch(filters, 'dangling') ?? true;
  const until = untilOf(filters, now);
  const unusedSince = unusedSinceOf(filters, now);
  return (image) =>
    (!onlyDangling || image.tags.length === 0) &&
    (until === undefined || createdMs(image) < until.getTime()) &&
    (unusedSince === undefined || image.lastUsedAt < unusedSince) &&
    matchesLabels(filters, image.config.labels);
}

/** As BuildKit's filter of its cache: a length of time. @throws invalid */
function unusedSinceOf(filters: Filters, now: Date): Date | undefined {
  const text = filters.get('unused-for')?.at(-1);
  if (text === undefined) return undefined;
  const lengthMs = parseDuration(text);
  if (lengthMs === undefined) throw new EngineError('invalid', `invalid filter 'unused-for=${text}'`);
  return new Date(now.getTime() - lengthMs);
}
