export { wayBack } from './discard.ts';
export { openImages } from './open-images.ts';
export type * from './types.ts';
