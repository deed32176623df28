import { knownActions, knownFlags } from './actions.ts';
import { knownArchitectures } from './architectures.ts';

export { seccompFlags } from './actions.ts';
export { compileSeccomp } from './compile.ts';
export { defaultSeccompProfile } from './default-profile.ts';
export {
  parseSeccompProfile,
  resolveSeccompProfile,
  type SeccompProfile,
} from './profile.ts';

/** The seccomp part of `features`. */
export const knownSeccomp = {
  actions: knownActions,
  operators: ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'].map((name) => `SCMP_CMP_${name}`),
  archs: knownArchitectures,
  knownFlags,
  supportedFlags: knownFlags,
};
