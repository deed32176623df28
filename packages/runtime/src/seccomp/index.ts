export { seccompFlags } from './actions.ts';
export { compileSeccomp } from './compile.ts';
export { defaultSeccompProfile } from './default-profile.ts';
export {
  parseSeccompProfile,
  resolveSeccompProfile,
  type SeccompProfile,
  type SeccompProfileEntry,
} from './profile.ts';
