import type { ContainerView } from '../engine.ts';
import type { ImageRecord } from '../images/types.ts';
import { type ListOptions, selectContainers } from './select-containers.ts';
import type { ContainerRecord } from './types.ts';
import { type ViewDeps, viewRecord } from './view.ts';

/**
 * Lists containers, newest first.
 *
 * An image reference that names another image by now is shown as the ID that the container was made from.
 *
 * @throws invalid, not-found with Docker's texts for the filters
 */
export async function listContainers(
  deps: ViewDeps,
  options: ListOptions & { readonly size: boolean },
): Promise<readonly ContainerView[]> {
  const chosen = selectContainers(deps.store.list(), options, {
    networksOf: deps.networks.endpointsOfContainer,
    portsOf: deps.networks.portsOfContainer,
    imageIds: (reference) => idsOf(deps.images.find(reference)),
    health: ({ id, status }) => (status.kind === 'running' ? deps.health.find(id)?.status : undefined),
  });
  const imageIds = new Map<string, readonly string[]>();
  const currentIds = (reference: string): readonly string[] => {
    const ids = imageIds.get(reference) ?? idsOf(deps.images.find(reference));
    imageIds.set(reference, ids);
    return ids;
  };
  const shown = (record: ContainerRecord): ContainerRecord =>
    currentIds(record.config.image).includes(record.imageId)
      ? record
      : { ...record, config: { ...record.config, image: record.imageId } };
  const endpoints = deps.networks.endpointsOfContainers(chosen.map(({ id }) => id));
  return Promise.all(
    chosen.map((record) =>
      viewRecord(deps, shown(record), { size: options.size, endpoints: endpoints.get(record.id) ?? [] }),
    ),
  );
}

/** The images that a name means: one for each platform that is here. */
function idsOf(image: ImageRecord | undefined): readonly string[] {
  return image === undefined ? [] : [image.id, ...image.siblings];
}
