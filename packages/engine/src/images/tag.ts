import { EngineError } from '@gantry/base';
import { formatReference, parseReference, withDefaultTag } from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import { recordImageEvent } from './image-event.ts';
import { resolveImage } from './resolve.ts';

/** Gives an image another name; a name that another image had moves. @throws invalid, not-found with Docker's texts */
export function tagImage(deps: ImageDeps, source: string, reference: string): void {
  const parsed = withDefaultTag(parseReference(reference));
  if (parsed.digest !== undefined) throw new EngineError('invalid', 'refusing to create a tag with a digest reference');
  const name = formatReference(parsed);
  if (name.startsWith('sha256:')) {
    throw new EngineError('invalid', 'refusing to create an ambiguous tag using digest algorithm as name');
  }
  const { image, name: sourceName } = resolveImage(deps, source);
  deps.db.tx(() => {
    // A name that means an index gives all its platforms; an ID gives the one image that it is of.
    const named = sourceName === undefined ? undefined : deps.rows.findReference(sourceName);
    deps.rows.setReference(name, named ?? { imageId: image.id, indexDigest: undefined });
    deps.rows.sweepIndexes();
    deps.rows.markTagged(image.id, deps.now().getTime());
    deps.lastUse.mark(image.id, deps.now().getTime());
    recordImageEvent(deps, 'tag', { actor: image.id, name, image });
  });
}
