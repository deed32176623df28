export { wayBack } from './discard.ts';
export { highestPlatform, hostPlatform } from './host-platform.ts';
export { applyChanges } from './import-changes.ts';
export { openImages } from './open-images.ts';
export type * from './types.ts';
