export { mayGoOn } from './ingest.ts';
export { openContent } from './open-content.ts';
export type { ContentRoom, Ingest } from './types.ts';
