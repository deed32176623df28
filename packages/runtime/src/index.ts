export {
  type CapabilityRequest,
  capabilityList,
  capabilityMask,
  capabilityNames,
  chooseCapabilities,
  defaultCapabilities,
  normalizeCapabilities,
} from './capabilities.ts';
export { applyWrites } from './cgroup/apply.ts';
export { compileUpdate } from './cgroup/compile.ts';
export { type DevicePolicy, readDeviceRules } from './cgroup/device-rules.ts';
export { ensureCgroupParent, listCgroups } from './cgroup/ensure-parent.ts';
export type { FileWrite } from './cgroup/file-write.ts';
export { type Freezer, freeze, isFrozen, thaw } from './cgroup/freezer.ts';
export { parseKeyValues, readKernelText } from './cgroup/key-values.ts';
export { type CgroupFiles, cgroupFiles } from './cgroup/layout.ts';
export { listProcesses, psFields, selectPsLines } from './cgroup/processes.ts';
export type { LimitContext } from './cgroup/v1.ts';
export { runRuntimeCommand } from './command/index.ts';
export { compile } from './compile.ts';
export { compileExec } from './compile-exec.ts';
export type { CompileContext, ExecProcess, ExecTarget, RootSource, ShimPaths, UserText } from './context.ts';
export { defaultMaskedPaths, defaultMounts, defaultReadonlyPaths, defaultSpec } from './default-spec.ts';
export type {
  Architecture,
  CgroupLayout,
  CgroupV1Hierarchy,
  CgroupV2Tree,
  HostFacts,
  ResourceLimit,
} from './facts.ts';
export { loopbackActs } from './loopback.ts';
export { type MountOptions, mountAttr, mountFlag, parseMountOptions } from './mount-options.ts';
export { probeHostFacts } from './probe-facts.ts';
export { processRuns } from './process-runs.ts';
export { chooseRlimits, rlimitNumbers } from './rlimits.ts';
export { planRoot } from './root.ts';
export {
  compileSeccomp,
  defaultSeccompProfile,
  parseSeccompProfile,
  resolveSeccompProfile,
  type SeccompProfile,
} from './seccomp/index.ts';
