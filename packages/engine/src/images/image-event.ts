import type { ImageDeps } from './deps.ts';
import type { ImageRow } from './rows.ts';

/** Records an event as Docker names it: the image's labels, and `name` when there is one to tell. */
export function recordImageEvent(
  { events, records }: Pick<ImageDeps, 'events' | 'records'>,
  action: string,
  { actor, name, image }: { actor: string; name: string; image: ImageRow | undefined },
): void {
  const labels = image === undefined ? {} : records.configOf(image).config.labels;
  events.record('image', action, actor, { ...labels, name });
}
