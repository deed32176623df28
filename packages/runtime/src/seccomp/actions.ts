import { EngineError } from '@gantry/base';
import type { LinuxSeccomp } from '@gantry/oci';

const eperm = 1;
const enosys = 38;
const maxErrno = 4095;

/** What a filter returns for each action. Fact: linux/seccomp.h, SECCOMP_RET_*. */
const returnValues: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};

const carriesErrno = new Set(['SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE']);

export const returnKillThread = 0;
export const returnEnosys = 0x00050000 | enosys;

/** @throws invalid, unsupported (SCMP_ACT_NOTIFY) */
export function returnValue(action: string, errnoRet: number | undefined): number {
  if (action === 'SCMP_ACT_NOTIFY') {
    throw new EngineError('unsupported', 'cannot use seccomp action "SCMP_ACT_NOTIFY": listeners are not built yet');
  }
  const value = returnValues[action];
  if (value === undefined) throw new EngineError('invalid', `cannot use seccomp action "${action}": no such action`);
  if (!carriesErrno.has(action)) {
    if (errnoRet) throw new EngineError('invalid', `cannot use seccomp action "${action}": it does not take an errno`);
    return value;
  }
  const errno = errnoRet ?? eperm;
  if (errno < 0 || errno > maxErrno) throw new EngineError('invalid', `cannot return errno ${errno} from seccomp`);
  return value | errno;
}

/** A filter that lets unlisted calls through has no need to tell callers that a newer one is missing. */
export function letsUnlistedThrough(action: string): boolean {
  return action === 'SCMP_ACT_ALLOW' || action === 'SCMP_ACT_LOG';
}

const flagBits: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
};

/**
 * Flags of seccomp(2). Without a list speculation stays allowed, as runc does: the mitigation costs every program much
 * and helps only those that run hostile code in their own process.
 *
 * @throws invalid
 */
export function seccompFlags(profile: LinuxSeccomp): number {
  return (profile.flags ?? ['SECCOMP_FILTER_FLAG_SPEC_ALLOW']).reduce((bits, flag) => {
    const bit = flagBits[flag];
    if (bit === undefined) throw new EngineError('invalid', `cannot use seccomp flag "${flag}": no such flag`);
    // A single-threaded child has nobody to synchronise with.
    return flag === 'SECCOMP_FILTER_FLAG_TSYNC' ? bits : bits | bit;
  }, 0);
}

/** What `features` lists: NOTIFY is left out, since nobody here can listen. */
export const knownActions = Object.keys(returnValues);
export const knownFlags = Object.keys(flagBits);
