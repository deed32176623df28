export { openDurability } from './open-durability.ts';
export { syncInThread } from './sync-in-thread.ts';
export type { Durability } from './types.ts';
