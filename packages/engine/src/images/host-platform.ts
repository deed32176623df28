import { readFileSync } from 'node:fs';
import type { Platform } from '@gantry/oci';

/** The platform of this machine in Go's words. */
export function hostPlatform(): Platform {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  return { os: 'linux', architecture, variant: '' };
}

/** The same with the highest level of amd64 that the processor has: what an image may need and still run. */
export function highestPlatform(): Platform {
  const host = hostPlatform();
  if (host.architecture !== 'amd64') return host;
  const level = levelOf(readFileSync('/proc/cpuinfo', 'utf8'));
  return { ...host, variant: level === 1 ? '' : `v${level}` };
}

/** Flags that each level adds. Spec: x86-64 psABI, "Micro-Architecture Levels"; names are the kernel's. */
const levelFlags: readonly (readonly string[])[] = [
  ['cx16', 'lahf_lm', 'popcnt', 'pni', 'sse4_1', 'sse4_2', 'ssse3'],
  ['avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'xsave'],
  ['avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl'],
];

/** @param cpuinfo the kernel's text about all processors, of which the first counts */
export function levelOf(cpuinfo: string): number {
  const flags = new Set(/^flags\s*:\s*(.*)$/m.exec(cpuinfo)?.[1]?.split(' '));
  const missing = levelFlags.findIndex((added) => !added.every((flag) => flags.has(flag)));
  return missing === -1 ? levelFlags.length + 1 : missing + 1;
}
