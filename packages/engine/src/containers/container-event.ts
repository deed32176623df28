import type { ContainerRecord } from './types.ts';

/** The attributes that every event of a container carries: its labels, its image and its name. */
export function containerEvent(container: ContainerRecord): Record<string, string> {
  return { ...container.config.labels, image: container.config.image, name: container.name };
}
