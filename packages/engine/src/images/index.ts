export { openImages } from './open-images.ts';
export type * from './types.ts';
