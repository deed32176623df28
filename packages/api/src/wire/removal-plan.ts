import type { DeletedImageWire } from './image.ts';

/**
 * What a DELETE with `plan=1` answers, where the real call would do it: everything that would go, and nothing has.
 *
 * An extension: Docker has no dry runs. `SpaceReclaimed` counts bytes as `prune` does.
 */
export type RemovalPlanWire = {
  readonly Containers: readonly { readonly Id: string; readonly Name: string }[];
  readonly Networks: readonly { readonly Id: string; readonly Name: string }[];
  readonly Volumes: readonly string[];
  /** Names, images and layers, as the real DELETE of an image lists them. */
  readonly Images: readonly DeletedImageWire[];
  readonly SpaceReclaimed: number;
};
