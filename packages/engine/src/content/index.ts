export { openContent } from './open-content.ts';
export type { ContentRoom, DamagedBlob, Ingest, StoredBlob } from './types.ts';
