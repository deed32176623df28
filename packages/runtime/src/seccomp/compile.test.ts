import { expect, test } from 'bun:test';
import type { LinuxSeccomp, SeccompArgument, SeccompSyscall } from '@gantry/oci';
import { defaultCapabilities } from '../capabilities.ts';
import { hostFacts } from '../fixture.ts';
import { returnValue, seccompFlags } from './actions.ts';
import { type FilterArchitecture, filterArchitectures, syscallNumber, x32Bit } from './architectures.ts';
import { compileFilter, compileSeccomp, rulesByNumber } from './compile.ts';
import { argumentValue } from './conditions.ts';
import { defaultSeccompProfile } from './default-profile.ts';
import { type Call, countSteps, runFilter } from './interpreter-fixture.ts';
import { parseSeccompProfile, resolveSeccompProfile } from './profile.ts';

const facts = hostFacts();
const allow = 0x7fff0000;
const eperm = 0x00050001;
const enosys = 0x00050026;

/** A profile as one architecture reads it: entries by number, and the highest number named. */
type Reading = { readonly byNumber: ReadonlyMap<number, readonly SeccompSyscall[]>; readonly newest: number };

function readProfile(profile: LinuxSeccomp, architecture: FilterArchitecture): Reading {
  const byNumber = new Map<number, SeccompSyscall[]>();
  for (const entry of profile.syscalls ?? []) {
    for (const name of entry.names) {
      const number = syscallNumber(name, architecture);
      if (number !== undefined) byNumber.set(number, [...(byNumber.get(number) ?? []), entry]);
    }
  }
  return { byNumber, newest: Math.max(...byNumber.keys()) };
}

/** The meaning of a profile, rule by rule: what the tree must come to. */
function naive(profile: LinuxSeccomp, call: Call, readings: ReadonlyMap<string, Reading>): number {
  const x32 = call.architecture === 0xc000003e && call.number >= x32Bit;
  const reading = readings.get(`${call.architecture} ${x32}`);
  if (reading === undefined) return 0;
  const otherwise = returnValue(profile.defaultAction, profile.defaultErrnoRet);
  const number = x32 ? call.number - x32Bit : call.number;
  const entries = reading.byNumber.get(number) ?? [];
  const plain = entries.find(({ args }) => (args ?? []).length === 0);
  if (plain !== undefined) return returnValue(plain.action, plain.errnoRet);
  for (const { action, errnoRet, args = [] } of entries) {
    const repeated = new Set(args.map(({ index }) => index)).size !== args.length;
    const hit = repeated ? args.some((one) => holds(one, call)) : args.every((one) => holds(one, call));
    if (hit) return returnValue(action, errnoRet);
  }
  const denies = profile.defaultAction !== 'SCMP_ACT_ALLOW' && profile.defaultAction !== 'SCMP_ACT_LOG';
  return number > reading.newest && reading.newest >= 0 && denies ? enosys : otherwise;
}

function holds({ index, op, value, valueTwo }: SeccompArgument, call: Call): boolean {
  const actual = call.args[index] ?? 0n;
  const wanted = argumentValue(value);
  const comparisons: Readonly<Record<string, boolean>> = {
    SCMP_CMP_EQ: actual === wanted,
    SCMP_CMP_NE: actual !== wanted,
    SCMP_CMP_LT: actual < wanted,
    SCMP_CMP_LE: actual <= wanted,
    SCMP_CMP_GT: actual > wanted,
    SCMP_CMP_GE: actual >= wanted,
    SCMP_CMP_MASKED_EQ: (actual & wanted) === argumentValue(valueTwo),
  };
  return comparisons[op] ?? false;
}

/** Values around everything a profile compares with, in both halves. */
function interesting(profile: LinuxSeccomp): bigint[] {
  const values = new Set<bigint>([0n, 1n, 0xffff_ffffn, 0x1_0000_0000n, 0xffff_ffff_ffff_ffffn]);
  for (const { args = [] } of profile.syscalls ?? []) {
    for (const { value, valueTwo } of args) {
      for (const base of [argumentValue(value), argumentValue(valueTwo)]) {
        for (const near of [base, base - 1n, base + 1n, base | (1n << 40n), base << 32n])
          values.add(BigInt.asUintN(64, near));
      }
    }
  }
  return [...values];
}

const audits = [0xc000003e, 0x40000003, 0xc00000b7, 0x40000028, 0x1234];

function expectEquivalent(profile: LinuxSeccomp, host: 'amd64' | 'arm64'): void {
  const program = compileFilter(profile, { architecture: host });
  const values = interesting(profile);
  const readings = new Map(
    filterArchitectures(profile.architectures ?? [], host).map((architecture) => [
      `${architecture.audit} ${architecture.name === 'SCMP_ARCH_X32'}`,
      readProfile(profile, architecture),
    ]),
  );
  const conditional = new Set(
    filterArchitectures(profile.architectures ?? [], host).flatMap((architecture) =>
      [...rulesByNumber(profile, architecture)].flatMap(([number, { alternatives }]) =>
        alternatives.some(({ conditions }) => conditions.length > 0) ? [number, number + x32Bit] : [],
      ),
    ),
  );
  const numbers = [
    ...Array.from({ length: 620 }, (_, number) => number),
    ...Array.from({ length: 620 }, (_, number) => number + x32Bit),
    ...[0xf0000, 0xf0001, 0xf0002, 0xf0005, 0xf0006, 0xf0007, 0x7fffffff, 0xffffffff],
  ];
  for (const architecture of audits) {
    for (const number of numbers) {
      const cases = conditional.has(number)
        ? values.flatMap((one) => [
            [one, one],
            [one, 0n],
            [0n, one],
          ])
        : [[]];
      for (const args of cases) {
        const call = { architecture, number, args };
        const [got, wanted] = [runFilter(program, call), naive(profile, call, readings) >>> 0];
        if (got !== wanted) throw new Error(`${architecture.toString(16)} ${number} ${args}: ${got} is not ${wanted}`);
      }
    }
  }
}

const profileFor = (capabilities: readonly string[], host: 'amd64' | 'arm64' = 'amd64') =>
  resolveSeccompProfile(defaultSeccompProfile, hostFacts({ architecture: host }), capabilities);

test('the tree means the same as the default profile, for every number on every architecture', () => {
  expectEquivalent(profileFor(defaultCapabilities), 'amd64');
  expectEquivalent(profileFor([...defaultCapabilities, 'CAP_SYS_ADMIN', 'CAP_SYS_TIME']), 'amd64');
  expectEquivalent(profileFor(defaultCapabilities, 'arm64'), 'arm64');
});

test('every comparison is right on both halves of an argument, alone and together', () => {
  const compare = (index: number, op: string, value: number): SeccompArgument => ({ index, op, value, valueTwo: 2 });
  const operators = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'].map((op) => `SCMP_CMP_${op}`);
  const values = [0, 1, 38, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5, 2 ** 52 + 1];
  const syscalls = operators.flatMap((op, row) =>
    values.map((value, column) => ({
      names: ['read', 'write', 'open', 'close', 'stat', 'fstat', 'lstat', 'poll'].slice(column, column + 1),
      action: row % 2 === 0 ? 'SCMP_ACT_ERRNO' : 'SCMP_ACT_KILL_PROCESS',
      args: [compare(0, op, value), compare(1, op, value)],
    })),
  );
  for (let row = 0; row < operators.length; row++) {
    const one = syscalls.slice(row * values.length, (row + 1) * values.length);
    expectEquivalent({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: one }, 'amd64');
  }
  expectEquivalent({ defaultAction: 'SCMP_ACT_TRAP', syscalls }, 'amd64');
  const either = [compare(0, 'SCMP_CMP_EQ', 3), compare(0, 'SCMP_CMP_EQ', 5)];
  expectEquivalent(
    { defaultAction: 'SCMP_ACT_LOG', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ERRNO', args: either }] },
    'amd64',
  );
});

test('a program with more conditions than a short jump reaches is still right', () => {
  const args = Array.from({ length: 5 }, (_, index) => ({ index, op: 'SCMP_CMP_GT', value: 2 ** 33 + index }));
  const names = ['read', 'mmap', 'futex', 'clone', 'ioctl', 'socket', 'prctl', 'openat'];
  const syscalls = names.flatMap((name) =>
    Array.from({ length: 12 }, (_, turn) => ({
      names: [name],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: turn + 1,
      args: args.slice(turn % 5),
    })),
  );
  const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls };
  expect(compileFilter(profile, facts).length / 8).toBeGreaterThan(1000);
  expectEquivalent(profile, 'amd64');
});

test('the default filter is small, and no call takes a long way through it', () => {
  const program = compileFilter(profileFor(defaultCapabilities), facts);
  expect(program.length / 8).toBeLessThan(800);
  const architecture = 0xc000003e;
  const steps = Array.from({ length: 470 }, (_, number) => countSteps(program, { architecture, number, args: [] }));
  // A list of rules would take hundreds for each of them. `personality` compares with five values.
  expect(Math.max(...steps)).toBeLessThanOrEqual(30);
  expect(steps.reduce((sum, one) => sum + one, 0) / steps.length).toBeLessThan(13);
});

test('what the default profile promises', () => {
  const program = compileFilter(profileFor(defaultCapabilities), facts);
  const ask = (name: string, ...args: readonly bigint[]) => {
    const [x64] = filterArchitectures([], 'amd64');
    const number = x64 === undefined ? undefined : syscallNumber(name, x64);
    if (number === undefined) throw new Error(`no number for ${name}`);
    return runFilter(program, { architecture: 0xc000003e, number, args });
  };
  const asked = {
    read: ask('read'),
    unshare: ask('unshare'),
    mount: ask('mount'),
    keyctl: ask('keyctl'),
    clone3: ask('clone3'),
    'clone of a thread': ask('clone', 0x3d0f00n),
    'clone with a user namespace': ask('clone', 0x10000000n),
    'socket AF_INET': ask('socket', 2n),
    'socket AF_ALG': ask('socket', 38n),
    'socket AF_VSOCK': ask('socket', 40n),
    'personality LINUX32': ask('personality', 8n),
    'personality of another kind': ask('personality', 0x40000n),
    ptrace: ask('ptrace'),
    open_by_handle_at: ask('open_by_handle_at'),
    'open_tree_attr, newer than the profile': ask('open_tree_attr'),
  };
  expect(asked).toEqual({
    read: allow,
    unshare: eperm,
    mount: eperm,
    keyctl: eperm,
    clone3: enosys,
    'clone of a thread': allow,
    'clone with a user namespace': eperm,
    'socket AF_INET': allow,
    'socket AF_ALG': eperm,
    'socket AF_VSOCK': eperm,
    'personality LINUX32': allow,
    'personality of another kind': eperm,
    ptrace: allow,
    open_by_handle_at: eperm,
    'open_tree_attr, newer than the profile': enosys,
  });
  expect(runFilter(program, { architecture: 0x1234, number: 0, args: [] })).toBe(0);
});

test('a profile is compiled once for each set of capabilities', () => {
  const one = profileFor(defaultCapabilities);
  expect(profileFor([...defaultCapabilities].reverse())).toBe(one);
  expect(compileSeccomp(one, facts)).toBe(compileSeccomp(one, facts));
  expect(profileFor([])).not.toBe(one);
  const text = '{"defaultAction":"SCMP_ACT_ALLOW"}';
  expect(parseSeccompProfile(text)).toBe(parseSeccompProfile(text));
});

test('a profile of a user is read, and refused with a reason', () => {
  const read = (text: string) => resolveSeccompProfile(parseSeccompProfile(text), facts, []);
  expect(
    read('{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"chmod","action":"SCMP_ACT_ERRNO","args":null}]}'),
  ).toEqual({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: ['chmod'], action: 'SCMP_ACT_ERRNO' }],
  });
  expect(() => read('{')).toThrow('decoding seccomp profile failed');
  expect(() => read('{"defaultAction":1}')).toThrow('not a seccomp profile');
  expect(() =>
    read('{"defaultAction":"SCMP_ACT_ALLOW","archMap":[{"architecture":"x"}],"architectures":["y"]}'),
  ).toThrow(`both 'architectures' and 'archMap'`);
  expect(() => compileFilter({ defaultAction: 'SCMP_ACT_X' }, facts)).toThrow('no such action');
  expect(() => compileFilter({ defaultAction: 'SCMP_ACT_ALLOW', defaultErrnoRet: 5 }, facts)).toThrow('an errno');
  expect(() => compileFilter({ defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_Z'] }, facts)).toThrow(
    'no such architecture',
  );
  const flags = ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_TSYNC'];
  expect(seccompFlags({ defaultAction: 'SCMP_ACT_ALLOW', flags })).toBe(2);
  expect(seccompFlags({ defaultAction: 'SCMP_ACT_ALLOW' })).toBe(4);
});
