export { openSnapshots, type SnapshotDeps } from './open-snapshots.ts';
export type { Draft, LayerRoom, NewLayer } from './types.ts';
