import { EngineError } from '@gantry/base';
import type { LinuxSeccomp, SeccompSyscall } from '@gantry/oci';
import type { Architecture, HostFacts } from '../facts.ts';

type Condition = {
  readonly caps?: readonly string[] | null;
  /** Go's names: amd64, arm64, x32. */
  readonly arches?: readonly string[] | null;
  /** `4.8`. */
  readonly minKernel?: string;
};

export type SeccompProfileEntry = SeccompSyscall & {
  /** A single name, as old profiles write it. */
  readonly name?: string;
  readonly includes?: Condition;
  readonly excludes?: Condition;
};

/** Docker's profile document: the OCI object, plus architectures to be chosen from and entries that hold conditionally. */
export type SeccompProfile = Omit<LinuxSeccomp, 'syscalls'> & {
  readonly archMap?:
    | readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] | null }[]
    | null;
  readonly syscalls?: readonly SeccompProfileEntry[] | null;
};

/** Profiles by their text: a container that starts again brings the same one, and what is known of it is kept by object. */
const parsed = new Map<string, SeccompProfile>();
const parsedAtMost = 16;

/**
 * Reads a profile as a user gives it in `--security-opt seccomp=<file>`.
 *
 * @throws invalid with Docker's text
 */
export function parseSeccompProfile(text: string): SeccompProfile {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const fresh = readProfile(text);
  if (parsed.size === parsedAtMost) parsed.clear();
  parsed.set(text, fresh);
  return fresh;
}

function readProfile(text: string): SeccompProfile {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new EngineError('invalid', 'decoding seccomp profile failed: it is not JSON', { cause });
  }
  if (!isProfile(document)) throw new EngineError('invalid', 'decoding seccomp profile failed: not a seccomp profile');
  if (document.archMap?.length && document.architectures?.length) {
    throw new EngineError(
      'invalid',
      `both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'`,
    );
  }
  return document;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isText = (value: unknown): value is string => typeof value === 'string';
const isTexts = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.every(isText));

function isProfile(value: unknown): value is SeccompProfile {
  if (!isRecord(value) || !isText(value.defaultAction) || !isTexts(value.architectures)) return false;
  const { syscalls = [] } = value;
  return syscalls === null || (Array.isArray(syscalls) && syscalls.every(isEntry));
}

function isEntry(value: unknown): boolean {
  if (!isRecord(value) || !isText(value.action) || !isTexts(value.names)) return false;
  const { args = [] } = value;
  return args === null || (Array.isArray(args) && args.every((arg) => isRecord(arg) && isText(arg.op)));
}

const ociArchitecture: Readonly<Record<Architecture, string>> = {
  amd64: 'SCMP_ARCH_X86_64',
  arm64: 'SCMP_ARCH_AARCH64',
};

/** Profiles already settled. Most containers have one of a few sets of capabilities, and the filter is kept by object. */
const resolved = new WeakMap<SeccompProfile, Map<string, LinuxSeccomp>>();
const resolvedPerProfile = 64;

/**
 * Settles what a profile leaves open: which architectures this host has, and which entries hold for a container with
 * these capabilities on this kernel. The same question gets the same object, for which a filter is compiled once.
 *
 * @param capabilities names of the container's bounding set
 * @throws invalid for an entry with both `name` and `names`
 */
export function resolveSeccompProfile(
  profile: SeccompProfile,
  facts: Pick<HostFacts, 'architecture' | 'kernel'>,
  capabilities: readonly string[],
): LinuxSeccomp {
  const { architecture, kernel } = facts;
  const key = `${architecture} ${kernel.major}.${kernel.minor} ${[...capabilities].sort().join(' ')}`;
  const known = resolved.get(profile) ?? new Map<string, LinuxSeccomp>();
  resolved.set(profile, known);
  const found = known.get(key);
  if (found !== undefined) return found;
  if (known.size === resolvedPerProfile) known.clear();
  const fresh = resolve(profile, facts, capabilities);
  known.set(key, fresh);
  return fresh;
}

function resolve(
  profile: SeccompProfile,
  facts: ResolveContext['facts'],
  capabilities: readonly string[],
): LinuxSeccomp {
  const { archMap, syscalls, ...rest } = profile;
  const own = archMap?.find(({ architecture }) => architecture === ociArchitecture[facts.architecture]);
  const architectures = own === undefined ? rest.architectures : [own.architecture, ...(own.subArchitectures ?? [])];
  const context = { facts, capabilities };
  const kept = (syscalls ?? []).filter((entry) => holds(entry, context)).map(plainEntry);
  return { ...rest, ...(architectures === undefined ? {} : { architectures }), syscalls: kept };
}

type ResolveContext = {
  readonly facts: Pick<HostFacts, 'architecture' | 'kernel'>;
  readonly capabilities: readonly string[];
};

function holds({ includes, excludes }: SeccompProfileEntry, context: ResolveContext): boolean {
  const { facts, capabilities } = context;
  // Excluded by any of them; included only when all hold.
  if (excludes?.arches?.includes(facts.architecture)) return false;
  if (excludes?.caps?.some((name) => capabilities.includes(name))) return false;
  if (excludes?.minKernel !== undefined && kernelAtLeast(facts, excludes.minKernel)) return false;
  if (includes?.arches?.length && !includes.arches.includes(facts.architecture)) return false;
  if (includes?.caps?.length && !includes.caps.every((name) => capabilities.includes(name))) return false;
  return includes?.minKernel === undefined || kernelAtLeast(facts, includes.minKernel);
}

function kernelAtLeast({ kernel }: Pick<HostFacts, 'kernel'>, version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return kernel.major > major || (kernel.major === major && kernel.minor >= minor);
}

function plainEntry(entry: SeccompProfileEntry): SeccompSyscall {
  const { name, names, action, errnoRet, args } = entry;
  if (name && names?.length) {
    throw new EngineError(
      'invalid',
      `'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'`,
    );
  }
  return {
    names: name ? [name] : (names ?? []),
    action,
    ...(errnoRet === undefined || errnoRet === null ? {} : { errnoRet }),
    ...(args?.length ? { args } : {}),
  };
}
