import type { ContainerView, Engine } from '@gantry/engine';

/**
 * Says what a container's image is called now: the name it was made from, or the ID once that name means another image
 * or none. Looks each name up once.
 */
export function imageNamer(engine: Engine): (view: ContainerView) => string {
  const idOfName = new Map<string, string | undefined>();
  return ({ config, imageId }) => {
    const name = config.image;
    if (!idOfName.has(name)) idOfName.set(name, engine.images.find(name)?.id);
    return idOfName.get(name) === imageId ? name : imageId;
  };
}
