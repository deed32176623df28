import type { ContainerView, Engine, ImageRecord } from '@gantry/engine';

export type NamedImage = { readonly name: string; readonly image: ImageRecord | undefined };

/**
 * Says what containers' images are, and what they are called now: the name that a container was made from, or the ID once
 * that name means other images or none. Looks each name and each image up once.
 */
export function imageNamer(engine: Engine): (view: ContainerView) => NamedImage {
  const known = new Map<string, ImageRecord | undefined>();
  const find = (nameOrId: string): ImageRecord | undefined => {
    if (!known.has(nameOrId)) known.set(nameOrId, engine.images.find(nameOrId));
    return known.get(nameOrId);
  };
  return ({ config, imageId }) => {
    const named = find(config.image);
    const isNamed = named !== undefined && [named.id, ...named.siblings].includes(imageId);
    return { name: isNamed ? config.image : imageId, image: find(imageId) };
  };
}
