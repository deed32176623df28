export { openDurability } from './open-durability.ts';
export { syncInThread } from './sync-in-thread.ts';
export type { Durability, Interrupted, Written } from './types.ts';
