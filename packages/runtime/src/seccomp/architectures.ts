import { EngineError } from '@gantry/base';
import type { Architecture } from '../facts.ts';
import table from './syscall-numbers.json' with { type: 'json' };

/** The bit that marks an x32 call among those of x86_64, whose audit architecture it shares. Fact: asm/unistd.h. */
export const x32Bit = 0x40000000;

export type FilterArchitecture = {
  readonly name: string;
  /** AUDIT_ARCH_* in seccomp_data. Fact: linux/audit.h. */
  readonly audit: number;
  /** Column of syscall-numbers.json. */
  readonly column: number;
};

const architectures: Readonly<Record<string, FilterArchitecture>> = {
  SCMP_ARCH_X86_64: { name: 'SCMP_ARCH_X86_64', audit: 0xc000003e, column: 0 },
  SCMP_ARCH_X86: { name: 'SCMP_ARCH_X86', audit: 0x40000003, column: 1 },
  SCMP_ARCH_X32: { name: 'SCMP_ARCH_X32', audit: 0xc000003e, column: 2 },
  SCMP_ARCH_AARCH64: { name: 'SCMP_ARCH_AARCH64', audit: 0xc00000b7, column: 3 },
  SCMP_ARCH_ARM: { name: 'SCMP_ARCH_ARM', audit: 0x40000028, column: 4 },
};

const native: Readonly<Record<Architecture, string>> = { amd64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' };

// Names that libseccomp knows and this table has no numbers for: a profile may list them, and they cannot be called here.
const elsewhere = new Set([
  'SCMP_ARCH_MIPS',
  'SCMP_ARCH_MIPS64',
  'SCMP_ARCH_MIPS64N32',
  'SCMP_ARCH_MIPSEL',
  'SCMP_ARCH_MIPSEL64',
  'SCMP_ARCH_MIPSEL64N32',
  'SCMP_ARCH_PPC',
  'SCMP_ARCH_PPC64',
  'SCMP_ARCH_PPC64LE',
  'SCMP_ARCH_S390',
  'SCMP_ARCH_S390X',
  'SCMP_ARCH_RISCV64',
  'SCMP_ARCH_LOONGARCH64',
  'SCMP_ARCH_M68K',
  'SCMP_ARCH_SH',
  'SCMP_ARCH_SHEB',
  'SCMP_ARCH_PARISC',
  'SCMP_ARCH_PARISC64',
]);

/** The architectures a filter covers: the host's first, then those listed that this table knows. @throws invalid */
export function filterArchitectures(names: readonly string[], host: Architecture): FilterArchitecture[] {
  const chosen = new Set([native[host], ...names]);
  const found: FilterArchitecture[] = [];
  for (const name of chosen) {
    const architecture = architectures[name];
    if (architecture !== undefined) found.push(architecture);
    else if (!elsewhere.has(name)) {
      throw new EngineError('invalid', `cannot use seccomp architecture "${name}": no such architecture`);
    }
  }
  return found;
}

const numbers: Readonly<Record<string, readonly (number | null)[]>> = table;

/** A system call's number; undefined when the architecture has no such call. x32 numbers are without their bit. */
export function syscallNumber(name: string, architecture: FilterArchitecture): number | undefined {
  return numbers[name]?.[architecture.column] ?? undefined;
}

/** Architectures that filters are built for. */
export const knownArchitectures = Object.keys(architectures);
