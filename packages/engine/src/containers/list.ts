import type { ContainerView } from '../engine.ts';
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
    imageId: (reference) => deps.images.find(reference)?.id,
    health: ({ id, status }) => (status.kind === 'running' ? deps.health.find(id)?.status : undefined),
  });
  const imageIds = new Map<string, string | undefined>();
  const currentId = (reference: string): string | undefined => {
    if (!imageIds.has(reference)) imageIds.set(reference, deps.images.find(reference)?.id);
    return imageIds.get(reference);
  };
  const shown = (record: ContainerRecord): ContainerRecord =>
    currentId(record.config.image) === record.imageId
      ? record
      : { ...record, config: { ...record.config, image: record.imageId } };
  const endpoints = deps.networks.endpointsOfContainers(chosen.map(({ id }) => id));
  return Promise.all(
    chosen.map((record) =>
      viewRecord(deps, shown(record), { size: options.size, endpoints: endpoints.get(record.id) ?? [] }),
    ),
  );
}
