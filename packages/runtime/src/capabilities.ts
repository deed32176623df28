import { EngineError } from '@gantry/base';

/** Every capability, in the kernel's order: the index is the bit. Fact: linux/capability.h. */
export const capabilityNames: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
];

/** What a container gets when nobody asks otherwise. Docker's fourteen, and containerd's. */
export const defaultCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

const bitOf = new Map(capabilityNames.map((name, bit) => [name, 1n << BigInt(bit)]));

/** The mask of a list of names; a name the table does not know is left out, as an older kernel would. */
export function capabilityMask(names: readonly string[]): bigint {
  return names.reduce((mask, name) => mask | (bitOf.get(name) ?? 0n), 0n);
}

/** The names of a mask, in the kernel's order. */
export function capabilityList(mask: bigint): string[] {
  return capabilityNames.filter((name) => (mask & (bitOf.get(name) ?? 0n)) !== 0n);
}

/**
 * Brings a user's list (`net_admin`, `CAP_NET_ADMIN`, `ALL`) to full upper-case names.
 *
 * @param available mask of what the daemon holds
 * @throws invalid with Docker's texts, for a name that is unknown and for one this host cannot give
 */
export function normalizeCapabilities(names: readonly string[], available: bigint): string[] {
  return names.map((given) => {
    const upper = given.toUpperCase();
    if (upper === 'ALL' || upper === 'CAP_ALL') return 'ALL';
    const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    const bit = bitOf.get(name);
    if (bit === undefined) throw new EngineError('invalid', `unknown capability: "${name}"`);
    if ((bit & available) === 0n) {
      throw new EngineError(
        'invalid',
        `capability not supported by your kernel or not available in the current environment: "${name}"`,
      );
    }
    return name;
  });
}

export type CapabilityRequest = {
  readonly add: readonly string[];
  readonly drop: readonly string[];
  readonly privileged: boolean;
  /** Mask of what the daemon holds. */
  readonly available: bigint;
};

/**
 * The capabilities of a container from `CapAdd` and `CapDrop`.
 *
 * Docker's rule: privileged takes everything available; adding ALL takes everything but the dropped; dropping ALL leaves
 * exactly the added; otherwise the defaults without the dropped, then the added.
 *
 * @throws invalid
 */
export function chooseCapabilities(request: CapabilityRequest): string[] {
  const available = capabilityList(request.available);
  if (request.privileged) return available;
  const add = normalizeCapabilities(request.add, request.available);
  const drop = normalizeCapabilities(request.drop, request.available);
  if (add.includes('ALL')) return available.filter((name) => !drop.includes(name));
  if (drop.includes('ALL')) return [...new Set(add)];
  const kept = defaultCapabilities.filter((name) => !drop.includes(name) && available.includes(name));
  return [...new Set([...kept, ...add])];
}
