export * from './ffi/index.ts';
export { checkPlan, ownMountNamespace } from './plan/check.ts';
export { encodePlan } from './plan/encode.ts';
export { formatAct, formatPlan } from './plan/format.ts';
export type { LogSpec, Plan, ShimSpec } from './plan/plan.ts';
export { cloneBits } from './plan/symbols.ts';
export { type NativeProgram, openNativeProgram, readInitProgram } from './program.ts';
export {
  encodeAttach,
  encodeFrame,
  encodeResize,
  encodeSignal,
  type Frame,
  FrameDecoder,
  frameHeaderBytes,
  frameMaxBytes,
} from './shim/frames.ts';
export * from './shim/protocol.ts';
export {
  parseCreatedRecord,
  parseExitRecord,
  parseFailedRecord,
  parseStartedRecord,
  parseStatusRecord,
} from './shim/records.ts';
export { type Act, type ArgumentType, type Half, type VerbName, type VerbRow, verbs } from './verbs.ts';
