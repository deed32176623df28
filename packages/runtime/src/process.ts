import { EngineError } from '@gantry/base';
import type { Act } from '@gantry/native';
import type { LinuxSeccomp, ProcessCapabilities, ProcessScheduler, RuntimeProcess } from '@gantry/oci';
import { capabilityMask } from './capabilities.ts';
import type { UserText } from './context.ts';
import type { HostFacts } from './facts.ts';
import { compileSeccomp, seccompFlags } from './seccomp/index.ts';

export type Confinement = {
  readonly facts: HostFacts;
  readonly user: UserText | { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  readonly capabilities: ProcessCapabilities | undefined;
  readonly noNewPrivileges: boolean;
  readonly seccomp: LinuxSeccomp | undefined;
  readonly cwd: string;
  readonly createWorkingDir: boolean;
  readonly args: readonly string[];
  readonly env: readonly string[];
};

/**
 * The last part of every plan: from root with everything to the process as it shall be.
 *
 * SAFETY: the order is the protection. Loading a filter without no-new-privileges needs CAP_SYS_ADMIN, so it comes
 * before the user and the capabilities change; with no-new-privileges it comes last, when only the exec is left to do.
 * The bounding set is cut while CAP_SETPCAP is held. The working directory is entered before the user changes, so that
 * it can be made, and so that a user who may not search its parents can still start in it, as with Docker; and before
 * the filter, which may be older than the system calls that look it up.
 */
export function confine(process: Confinement): Act[] {
  const { facts, noNewPrivileges } = process;
  const available = facts.capabilities;
  const bounding = capabilityMask(process.capabilities?.bounding ?? []) & available;
  const permitted = capabilityMask(process.capabilities?.permitted ?? []) & available;
  const inheritable = capabilityMask(process.capabilities?.inheritable ?? []) & available;
  const filter = seccompActs(process.seccomp, facts);
  return [
    { verb: 'chdir', path: process.cwd, create: process.createWorkingDir ? 1 : 0 },
    { verb: 'boundingSet', mask: bounding },
    ...(noNewPrivileges ? [] : filter),
    userAct(process.user),
    {
      verb: 'capabilities',
      effective: capabilityMask(process.capabilities?.effective ?? []) & permitted,
      permitted,
      inheritable,
      ambient: capabilityMask(process.capabilities?.ambient ?? []) & permitted & inheritable,
    },
    ...(noNewPrivileges ? [{ verb: 'noNewPrivileges' } as const, { verb: 'ready' } as const, ...filter] : []),
    ...(noNewPrivileges ? [] : [{ verb: 'ready' } as const]),
    { verb: 'exec', argv: process.args, env: process.env },
  ];
}

function seccompActs(profile: LinuxSeccomp | undefined, facts: HostFacts): Act[] {
  if (profile === undefined) return [];
  if (!facts.seccomp) throw new EngineError('unsupported', 'cannot use a seccomp profile: this kernel has no seccomp');
  return [{ verb: 'seccomp', program: compileSeccomp(profile, facts), flags: seccompFlags(profile) }];
}

function userAct(user: Confinement['user']): Act {
  if ('spec' in user) return { verb: 'userLookup', spec: user.spec, groups: user.groups };
  const groups = new Uint8Array(user.groups.length * 4);
  const view = new DataView(groups.buffer);
  user.groups.forEach((gid, index) => {
    view.setUint32(index * 4, gid, true);
  });
  return { verb: 'user', uid: user.uid, gid: user.gid, groups };
}

/** Who the process runs as. The native program finds HOME in the container's passwd when the environment has none. */
export function processUser(process: RuntimeProcess, given: UserText | undefined): Confinement['user'] {
  if (given !== undefined) return given;
  const { uid, gid, additionalGids = [] } = process.user;
  return { uid, gid, groups: additionalGids };
}

const ioClasses: Readonly<Record<string, number>> = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 };
const ioClassShift = 13;

/** CPU and I/O priorities. @throws invalid */
export function schedulingActs(process: RuntimeProcess): Act[] {
  const acts: Act[] = [];
  if (process.scheduler !== undefined) acts.push({ verb: 'scheduler', attributes: schedulerBytes(process.scheduler) });
  if (process.ioPriority !== undefined) {
    const { class: name, priority = 0 } = process.ioPriority;
    const number = ioClasses[name];
    if (number === undefined) throw new EngineError('invalid', `cannot set I/O priority "${name}": no such class`);
    acts.push({ verb: 'ioPriority', value: (number << ioClassShift) | priority });
  }
  return acts;
}

const personas: Readonly<Record<string, bigint>> = { LINUX: 0n, LINUX32: 8n };

/** The execution domain: LINUX32 makes a 64-bit kernel call itself a 32-bit one. @throws invalid */
export function personaActs(domain: string | undefined): Act[] {
  if (domain === undefined) return [];
  const persona = personas[domain];
  if (persona === undefined) throw new EngineError('invalid', `cannot use personality "${domain}": no such domain`);
  return [{ verb: 'personality', persona }];
}

const policies: Readonly<Record<string, number>> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};

const schedulerFlags: Readonly<Record<string, bigint>> = {
  SCHED_FLAG_RESET_ON_FORK: 1n,
  SCHED_FLAG_RECLAIM: 2n,
  SCHED_FLAG_DL_OVERRUN: 4n,
  SCHED_FLAG_KEEP_POLICY: 8n,
  SCHED_FLAG_KEEP_PARAMS: 16n,
  SCHED_FLAG_UTIL_CLAMP_MIN: 32n,
  SCHED_FLAG_UTIL_CLAMP_MAX: 64n,
};

/** struct sched_attr, version 0. Fact: linux/sched/types.h. */
function schedulerBytes(scheduler: ProcessScheduler): Uint8Array {
  const policy = policies[scheduler.policy];
  if (policy === undefined)
    throw new EngineError('invalid', `cannot use scheduler "${scheduler.policy}": no such policy`);
  const flags = (scheduler.flags ?? []).reduce((mask, flag) => {
    const bit = schedulerFlags[flag];
    if (bit === undefined) throw new EngineError('invalid', `cannot use scheduler flag "${flag}": no such flag`);
    return mask | bit;
  }, 0n);
  const bytes = new Uint8Array(48);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, policy, true);
  view.setBigUint64(8, flags, true);
  view.setInt32(16, scheduler.nice ?? 0, true);
  view.setUint32(20, scheduler.priority ?? 0, true);
  view.setBigUint64(24, BigInt(scheduler.runtime ?? 0), true);
  view.setBigUint64(32, BigInt(scheduler.deadline ?? 0), true);
  view.setBigUint64(40, BigInt(scheduler.period ?? 0), true);
  return bytes;
}

/** What a process that asks for none gets. */
export const defaultUmask = 0o022;
