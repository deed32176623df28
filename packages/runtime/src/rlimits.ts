import { EngineError } from '@gantry/base';
import type { Act } from '@gantry/native';
import type { ProcessRlimit } from '@gantry/oci';
import { capabilityMask } from './capabilities.ts';
import { type HostFacts, type ResourceLimit, unlimited } from './facts.ts';

/** RLIMIT_* numbers, equal on all architectures supported here. Fact: asm-generic/resource.h. */
export const rlimitNumbers: Readonly<Record<string, number>> = {
  RLIMIT_CPU: 0,
  RLIMIT_FSIZE: 1,
  RLIMIT_DATA: 2,
  RLIMIT_STACK: 3,
  RLIMIT_CORE: 4,
  RLIMIT_RSS: 5,
  RLIMIT_NPROC: 6,
  RLIMIT_NOFILE: 7,
  RLIMIT_MEMLOCK: 8,
  RLIMIT_AS: 9,
  RLIMIT_LOCKS: 10,
  RLIMIT_SIGPENDING: 11,
  RLIMIT_MSGQUEUE: 12,
  RLIMIT_NICE: 13,
  RLIMIT_RTPRIO: 14,
  RLIMIT_RTTIME: 15,
};

export type ChosenRlimit = ResourceLimit & { readonly type: string; readonly resource: number };

/**
 * Turns limits into numbers, and lowers a hard limit that the daemon may not raise (it lacks CAP_SYS_RESOURCE) to its
 * own: a container that starts with less is of more use than none, and the warning says so.
 *
 * @throws invalid for an unknown name or a soft limit above the hard one
 */
export function chooseRlimits(
  limits: readonly ProcessRlimit[],
  facts: HostFacts,
): { limits: ChosenRlimit[]; warnings: string[] } {
  const mayRaise = (facts.capabilities & capabilityMask(['CAP_SYS_RESOURCE'])) !== 0n;
  const warnings: string[] = [];
  const chosen = limits.map(({ type, soft, hard }): ChosenRlimit => {
    const resource = rlimitNumbers[type];
    if (resource === undefined) throw new EngineError('invalid', `cannot set limit "${type}": no such limit`);
    const wanted = { soft: limitValue(soft), hard: limitValue(hard) };
    if (wanted.soft > wanted.hard) {
      throw new EngineError('invalid', `cannot set limit "${type}": the soft limit is above the hard limit`);
    }
    const ceiling = facts.rlimits[resource]?.hard ?? unlimited;
    if (mayRaise || wanted.hard <= ceiling) return { type, resource, ...wanted };
    warnings.push(`limit ${type} lowered to ${ceiling}: the engine lacks CAP_SYS_RESOURCE and may not raise its own`);
    return { type, resource, hard: ceiling, soft: lowest(wanted.soft, ceiling) };
  });
  return { limits: chosen, warnings };
}

function lowest(one: bigint, other: bigint): bigint {
  if (one < other) return one;
  return other;
}

// JSON's 2^64-1 is read as 2^64, and Docker's clients write "unlimited" as -1.
function limitValue(value: number): bigint {
  return value < 0 || value >= 2 ** 64 ? unlimited : BigInt(value);
}

export function rlimitActs(limits: readonly ProcessRlimit[], facts: HostFacts): Act[] {
  return chooseRlimits(limits, facts).limits.map(({ resource, soft, hard }) => ({
    verb: 'rlimit',
    resource,
    soft,
    hard,
  }));
}
