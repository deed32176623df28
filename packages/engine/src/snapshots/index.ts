export { openSnapshots } from './open-snapshots.ts';
export type { CollectedLayers, LayerRoom, RootMount, SnapshotRoom } from './types.ts';
