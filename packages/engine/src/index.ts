export type * from './containers/types.ts';
export type * from './engine.ts';
export type * from './events/types.ts';
export type * from './images/types.ts';
export { logDrivers, settleLogConfig } from './logs/index.ts';
export type * from './network/types.ts';
export { type EngineOptions, openEngine } from './open.ts';
export type * from './volumes/types.ts';
