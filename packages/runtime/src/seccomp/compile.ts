import { EngineError } from '@gantry/base';
import type { LinuxSeccomp, SeccompArgument } from '@gantry/oci';
import type { HostFacts } from '../facts.ts';
import { letsUnlistedThrough, returnEnosys, returnKillThread, returnValue } from './actions.ts';
import { type FilterArchitecture, filterArchitectures, syscallNumber, x32Bit } from './architectures.ts';
import { assemble, bpf, branch, type Label, type Line, mark, plain } from './bpf.ts';
import { conditionLines } from './conditions.ts';

/** What happens to one system call: alternatives tried in order, each a list of conditions that must all hold. */
export type SyscallRule = {
  readonly alternatives: readonly { readonly conditions: readonly SeccompArgument[]; readonly value: number }[];
  /** What is returned when no alternative holds. */
  readonly otherwise: number;
};

/** A stretch of system call numbers with one fate, from `from` up to the next range. */
type Range = { readonly from: number; readonly rule: SyscallRule };

const numberOffset = 0;
const architectureOffset = 4;

/**
 * Compiles a resolved profile to a seccomp filter: a balanced tree over ranges of numbers for each architecture.
 *
 * A call takes about log2(ranges) comparisons instead of one for each rule, and the kernel's own walk through the filter
 * at load time, which asks it about every number, shrinks alike.
 *
 * A call that fails by default and is newer than every call the profile names gets ENOSYS, so that programs fall back to
 * an older one as on an older kernel. An architecture that is not listed kills the thread.
 *
 * @returns struct sock_filter[]
 * @throws invalid, unsupported
 */
export function compileFilter(profile: LinuxSeccomp, facts: Pick<HostFacts, 'architecture'>): Uint8Array {
  const architectures = filterArchitectures(profile.architectures ?? [], facts.architecture);
  const x32 = architectures.find(({ name }) => name === 'SCMP_ARCH_X32');
  const lines: Line[] = [plain(bpf.loadWord, architectureOffset)];
  const bodies: Line[] = [];
  for (const architecture of architectures.filter((one) => one !== x32)) {
    const start: Label = { name: architecture.name };
    lines.push(branch(bpf.jumpEqual, architecture.audit | 0, { yes: start }));
    bodies.push(mark(start), plain(bpf.loadWord, numberOffset));
    if (architecture.name === 'SCMP_ARCH_X86_64') bodies.push(...x32Lines(profile, x32));
    bodies.push(...treeLines(rangesOf(profile, architecture, 0)));
  }
  return assemble([...lines, plain(bpf.return, returnKillThread), ...bodies]);
}

/** x32 calls arrive as x86_64 ones with a bit set: they get a tree of their own, or are killed like a strange architecture. */
function x32Lines(profile: LinuxSeccomp, x32: FilterArchitecture | undefined): Line[] {
  const past: Label = { name: 'past x32' };
  const body = x32 === undefined ? [plain(bpf.return, returnKillThread)] : treeLines(rangesOf(profile, x32, x32Bit));
  return [branch(bpf.jumpGreaterOrEqual, x32Bit, { no: past }), ...body, mark(past)];
}

/** Collects the rules of every system call of one architecture, by number. */
export function rulesByNumber(profile: LinuxSeccomp, architecture: FilterArchitecture): Map<number, SyscallRule> {
  const otherwise = returnValue(profile.defaultAction, profile.defaultErrnoRet);
  const rules = new Map<number, SyscallRule>();
  for (const { names, action, errnoRet, args } of profile.syscalls ?? []) {
    const value = returnValue(action, errnoRet ?? undefined);
    for (const name of names) {
      const number = syscallNumber(name, architecture);
      if (number === undefined) continue;
      rules.set(number, extend(rules.get(number) ?? { alternatives: [], otherwise }, value, args ?? []));
    }
  }
  return rules;
}

/**
 * A rule without arguments holds whatever the arguments are, so it takes the place of the conditional ones. Several
 * conditions on one argument are alternatives, on different arguments they must all hold: as libseccomp and runc do.
 */
function extend(rule: SyscallRule, value: number, conditions: readonly SeccompArgument[]): SyscallRule {
  if (conditions.length === 0) return { alternatives: [{ conditions: [], value }], otherwise: value };
  if (rule.alternatives.some((one) => one.conditions.length === 0)) return rule;
  const indexes = conditions.map(({ index }) => index);
  const sets = new Set(indexes).size === indexes.length ? [conditions] : conditions.map((condition) => [condition]);
  return { ...rule, alternatives: [...rule.alternatives, ...sets.map((set) => ({ conditions: set, value }))] };
}

/** Lays rules side by side over all numbers from `base` on, joining neighbours with one fate. */
function rangesOf(profile: LinuxSeccomp, architecture: FilterArchitecture, base: number): Range[] {
  const rules = rulesByNumber(profile, architecture);
  const otherwise = fate(returnValue(profile.defaultAction, profile.defaultErrnoRet));
  const ranges: Range[] = [];
  const add = (from: number, rule: SyscallRule): void => {
    const last = ranges.at(-1);
    if (last === undefined || !sameFate(last.rule, rule)) ranges.push({ from, rule });
  };
  let next = base;
  for (const number of [...rules.keys()].sort((a, b) => a - b)) {
    if (base + number > next) add(next, otherwise);
    add(base + number, rules.get(number) ?? otherwise);
    next = base + number + 1;
  }
  const beyond = letsUnlistedThrough(profile.defaultAction) || rules.size === 0 ? otherwise : fate(returnEnosys);
  add(next, beyond);
  return ranges;
}

const fate = (value: number): SyscallRule => ({ alternatives: [], otherwise: value });

function sameFate(a: SyscallRule, b: SyscallRule): boolean {
  const unconditional = (rule: SyscallRule): boolean => rule.alternatives.every((one) => one.conditions.length === 0);
  return unconditional(a) && unconditional(b) && a.otherwise === b.otherwise;
}

function treeLines(ranges: readonly Range[]): Line[] {
  const [first] = ranges;
  if (first === undefined) throw new Error('unreachable: no range');
  if (ranges.length === 1) return ruleLines(first.rule);
  const middle = Math.ceil(ranges.length / 2);
  const upper = ranges.slice(middle);
  const split = upper[0]?.from ?? 0;
  const up: Label = { name: `from ${split}` };
  return [
    branch(bpf.jumpGreaterOrEqual, split, { yes: up }),
    ...treeLines(ranges.slice(0, middle)),
    mark(up),
    ...treeLines(upper),
  ];
}

function ruleLines(rule: SyscallRule): Line[] {
  const lines: Line[] = [];
  for (const { conditions, value } of rule.alternatives) {
    if (conditions.length === 0) continue;
    const fail: Label = { name: 'next alternative' };
    lines.push(...conditions.flatMap((condition) => conditionLines(condition, fail)));
    lines.push(plain(bpf.return, value), mark(fail));
  }
  return [...lines, plain(bpf.return, rule.otherwise)];
}

/** Compiled filters by profile: a profile object is compiled once, however many containers start with it. */
const compiled = new WeakMap<LinuxSeccomp, Map<string, Uint8Array>>();

/**
 * The filter of a profile, compiled on first use. Equal objects are compiled once each: resolve a profile once per set of
 * capabilities and keep it.
 *
 * @throws invalid, unsupported
 */
export function compileSeccomp(profile: LinuxSeccomp, facts: Pick<HostFacts, 'architecture'>): Uint8Array {
  const byHost = compiled.get(profile) ?? new Map<string, Uint8Array>();
  compiled.set(profile, byHost);
  const program = byHost.get(facts.architecture) ?? compileFilter(profile, facts);
  byHost.set(facts.architecture, program);
  if (program.length === 0) throw new EngineError('invalid', 'cannot compile an empty seccomp filter');
  return program;
}
