import { unmasksSystemPaths } from './security-options.ts';
import type { HostConfig } from './types.ts';

type SystemPaths = { readonly maskedPaths: readonly string[]; readonly readonlyPaths: readonly string[] };

/**
 * The paths of /proc and /sys that a container cannot read or cannot write. A list of the user's own holds even for a
 * privileged container, which has none otherwise.
 *
 * @param thermalCpus CPUs that have a thermal_throttle directory
 */
export function systemPaths(
  hostConfig: Pick<HostConfig, 'privileged' | 'securityOpt' | 'maskedPaths' | 'readonlyPaths'>,
  thermalCpus: readonly number[],
): SystemPaths {
  const isOpen = hostConfig.privileged || unmasksSystemPaths(hostConfig.securityOpt);
  return {
    maskedPaths: hostConfig.maskedPaths ?? (isOpen ? [] : defaultMaskedPaths(thermalCpus)),
    readonlyPaths: hostConfig.readonlyPaths ?? (isOpen ? [] : defaultReadonlyPaths),
  };
}

/** Files that tell about the host or reach its hardware: hidden. Each one was a hole once. In Docker's order. */
function defaultMaskedPaths(thermalCpus: readonly number[]): readonly string[] {
  return [
    '/proc/asound',
    '/proc/acpi',
    '/proc/interrupts',
    '/proc/kcore',
    '/proc/keys',
    '/proc/latency_stats',
    '/proc/timer_list',
    '/proc/timer_stats',
    '/proc/sched_debug',
    '/proc/scsi',
    '/sys/firmware',
    '/sys/devices/virtual/powercap',
    ...thermalCpus.map((cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`),
  ];
}

const defaultReadonlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];
