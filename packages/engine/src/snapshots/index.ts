export { openSnapshots } from './open-snapshots.ts';
export type { LayerRoom, RootMount, SnapshotRoom } from './types.ts';
