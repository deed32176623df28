import { EngineError } from '@gantry/base';
import type { LinuxSeccomp, SeccompArgument } from '@gantry/oci';
import type { HostFacts } from '../facts.ts';
import { letsUnlistedThrough, returnEnosys, returnKillThread, returnValue } from './actions.ts';
import { type FilterArchitecture, filterArchitectures, syscallNumber, x32Bit } from './architectures.ts';
import { assemble, bpf, branch, type Line, mark, newLabel, plain } from './bpf.ts';
import { conditionLines } from './conditions.ts';

/** What happens to one system call: alternatives tried in order, each a list of conditions that must all hold. */
export type SyscallRule = {
  readonly alternatives: readonly { readonly conditions: readonly SeccompArgument[]; readonly value: number }[];
  /** What is returned when no alternative holds. */
  readonly otherwise: number;
  /** Nothing about the arguments matters. */
  readonly always: boolean;
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
    const start = newLabel();
    lines.push(branch(bpf.jumpEqual, architecture.audit, { yes: start }));
    bodies.push(mark(start), plain(bpf.loadWord, numberOffset));
    if (architecture.name === 'SCMP_ARCH_X86_64') addX32(bodies, profile, x32);
    addTree(bodies, rangesOf(profile, architecture, 0));
  }
  return assemble([...lines, plain(bpf.return, returnKillThread), ...bodies]);
}

/** x32 calls arrive as x86_64 ones with a bit set: they get a tree of their own, or are killed like a strange architecture. */
function addX32(lines: Line[], profile: LinuxSeccomp, x32: FilterArchitecture | undefined): void {
  const past = newLabel();
  lines.push(branch(bpf.jumpGreaterOrEqual, x32Bit, { no: past }));
  if (x32 === undefined) lines.push(plain(bpf.return, returnKillThread));
  else addTree(lines, rangesOf(profile, x32, x32Bit));
  lines.push(mark(past));
}

/** Collects the rules of every system call of one architecture, by number. */
export function rulesByNumber(profile: LinuxSeccomp, architecture: FilterArchitecture): Map<number, SyscallRule> {
  const otherwise = returnValue(profile.defaultAction, profile.defaultErrnoRet);
  const rules = new Map<number, SyscallRule>();
  for (const { names, action, errnoRet, args } of profile.syscalls ?? []) {
    const value = returnValue(action, errnoRet ?? undefined);
    const always = args === undefined || args.length === 0 ? fate(value) : undefined;
    for (const name of names) {
      const number = syscallNumber(name, architecture);
      if (number === undefined) continue;
      const before = rules.get(number);
      rules.set(number, always ?? extend(before ?? { alternatives: [], otherwise, always: false }, value, args ?? []));
    }
  }
  return rules;
}

/** A rule without arguments holds whatever the arguments are, so it takes the place of conditional ones. */
const fate = (value: number): SyscallRule => ({ alternatives: [], otherwise: value, always: true });

/**
 * Several conditions on one argument are alternatives, on different arguments they must all hold: as libseccomp and runc
 * do.
 */
function extend(rule: SyscallRule, value: number, conditions: readonly SeccompArgument[]): SyscallRule {
  if (rule.always) return rule;
  const indexes = conditions.map(({ index }) => index);
  const sets = new Set(indexes).size === indexes.length ? [conditions] : conditions.map((condition) => [condition]);
  return { ...rule, alternatives: [...rule.alternatives, ...sets.map((set) => ({ conditions: set, value }))] };
}

/** Lays rules side by side over all numbers from `base` on, joining neighbours with one fate. */
function rangesOf(profile: LinuxSeccomp, architecture: FilterArchitecture, base: number): Range[] {
  const rules = rulesByNumber(profile, architecture);
  const otherwise = fate(returnValue(profile.defaultAction, profile.defaultErrnoRet));
  const ranges: Range[] = [];
  let last: SyscallRule | undefined;
  const add = (from: number, rule: SyscallRule): void => {
    if (last?.always === true && rule.always && last.otherwise === rule.otherwise) return;
    ranges.push({ from, rule });
    last = rule;
  };
  let next = base;
  // Typed arrays sort as numbers, and without a call for each comparison.
  for (const number of Uint32Array.from(rules.keys()).sort()) {
    if (base + number > next) add(next, otherwise);
    add(base + number, rules.get(number) ?? otherwise);
    next = base + number + 1;
  }
  const beyond = letsUnlistedThrough(profile.defaultAction) || rules.size === 0 ? otherwise : fate(returnEnosys);
  add(next, beyond);
  return ranges;
}

function addTree(lines: Line[], ranges: readonly Range[], part = { from: 0, to: ranges.length }): void {
  const { from, to } = part;
  const middle = from + Math.ceil((to - from) / 2);
  const range = ranges[to - from === 1 ? from : middle];
  if (range === undefined) throw new Error('unreachable: no range');
  if (to - from === 1) {
    addRule(lines, range.rule);
    return;
  }
  const up = newLabel();
  lines.push(branch(bpf.jumpGreaterOrEqual, range.from, { yes: up }));
  addTree(lines, ranges, { from, to: middle });
  lines.push(mark(up));
  addTree(lines, ranges, { from: middle, to });
}

function addRule(lines: Line[], rule: SyscallRule): void {
  for (const { conditions, value } of rule.alternatives) {
    const fail = newLabel();
    for (const condition of conditions) lines.push(...conditionLines(condition, fail));
    lines.push(plain(bpf.return, value), mark(fail));
  }
  lines.push(plain(bpf.return, rule.otherwise));
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
