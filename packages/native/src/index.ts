export * from './ffi/index.ts';
export type { LogSpec, Plan, ShimSpec } from './plan/plan.ts';
export * from './shim/protocol.ts';
export { type Act, type ArgumentType, type Half, type VerbName, type VerbRow, verbs } from './verbs.ts';
