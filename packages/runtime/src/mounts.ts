import { EngineError } from '@gantry/base';
import { type Act, ownMountNamespace } from '@gantry/native';
import type { RuntimeMount } from '@gantry/oci';
import { cgroupMounts } from './cgroup/mounts.ts';
import type { BorrowedFrom, CompileContext } from './context.ts';
import { type MountOptions, mountAttr, mountFlag, parseMountOptions } from './mount-options.ts';
import { cloneFlag } from './namespaces.ts';
import { cleanPath } from './paths.ts';
import type { Registers } from './registers.ts';

export type MountPlan = {
  /** The parent's: holds the processes whose mounts are borrowed. */
  readonly parent: readonly Act[];
  /** Copies of shared and slave binds, taken while the host's tree still has its peers. */
  readonly before: readonly Act[];
  readonly mounts: readonly Act[];
  /** Those that show cgroups, and what lies on them: they come last. */
  readonly cgroups: readonly Act[];
  /** Mounts that become read-only once everything lies on them. */
  readonly after: readonly Act[];
};

type MountContext = { readonly compile: CompileContext; readonly root: number; readonly registers: Registers };
type Mounted = { parent: Act[]; before: Act[]; mounts: Act[]; cgroups: Act[]; after: Act[] };

// Below /proc only these may be covered: each is one file that a container manager virtualises, and none of them can
// steer the kernel or an LSM. SAFETY: a mount on anything else there has been an escape (CVE-2016-9962 and its kin).
const coverableInProc = new Set([
  '/proc/cpuinfo',
  '/proc/diskstats',
  '/proc/meminfo',
  '/proc/stat',
  '/proc/swaps',
  '/proc/uptime',
  '/proc/loadavg',
  '/proc/slabinfo',
  '/proc/sys/kernel/ns_last_pid',
  '/proc/sys/crypto/fips_enabled',
]);

/** Turns the mounts of a config.json, in their order, into acts. @throws invalid, unsupported */
export function planMounts(mounts: readonly RuntimeMount[], context: MountContext): MountPlan {
  const plan: Mounted = { parent: [], before: [], mounts: [], cgroups: [], after: [] };
  const late: string[] = [];
  for (const mount of mounts) {
    const options = parseMountOptions(mount.options ?? []);
    refuse(mount, options);
    const one = { mount, options, target: cleanPath(mount.destination) };
    const isLate = isCgroup(mount) || late.some((path) => areNested(path, one.target));
    if (isLate) late.push(one.target);
    addMount(isLate ? { ...plan, mounts: plan.cgroups } : plan, one, context);
  }
  return plan;
}

const isCgroup = ({ type }: RuntimeMount): boolean => type === 'cgroup' || type === 'cgroup2';

/** One of the two paths is the other, or leads to it. */
function areNested(one: string, other: string): boolean {
  return `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`);
}

type OneMount = { readonly mount: RuntimeMount; readonly options: MountOptions; readonly target: string };

function addMount(plan: Mounted, one: OneMount, context: MountContext): void {
  const { mount, options, target } = one;
  if (isBind(mount, options)) {
    addBind(plan, one, context);
    return;
  }
  const { root, compile } = context;
  if (isCgroup(mount)) {
    const { acts, readOnlyLater } = cgroupMounts({ root, target, attrs: options.attrSet, compile });
    plan.mounts.push(...acts);
    if (readOnlyLater) plan.after.push(readOnly(root, target));
    return;
  }
  const fstype = mount.type ?? '';
  // Nested mounts need their mount points made on a tmpfs, so it turns read-only last of all.
  const late = fstype === 'tmpfs' && (options.attrSet & mountAttr.readOnly) !== 0n;
  plan.mounts.push({
    verb: 'mountFs',
    root,
    target,
    fstype,
    source: mount.source ?? fstype,
    attrs: late ? options.attrSet & ~mountAttr.readOnly : options.attrSet,
    options: options.data,
  });
  if (late) plan.after.push(readOnly(root, target));
}

function addBind(plan: Mounted, one: OneMount, context: MountContext): void {
  const { mount, options, target } = one;
  const source = mount.source ?? '';
  const tree = options.recursiveBind ? 1 : 0;
  const attributes = options.recursiveAttrs ? 2 : 0;
  const common = { root: context.root, target, attrSet: options.attrSet, attrClear: options.attrClear };
  const subpath = context.compile.subpaths?.[mount.destination] ?? '';
  const lender = context.compile.borrowed?.[mount.destination];
  if (lender !== undefined) {
    const reg = borrow(plan, { lender, source, recursive: tree }, context.registers);
    plan.mounts.push({ verb: 'attachTree', tree: reg, ...common, recursive: tree | attributes, propagation: 0n });
    return;
  }
  if (options.propagation === mountFlag.shared || options.propagation === mountFlag.slave) {
    const reg = context.registers.next();
    plan.before.push({ verb: 'openTree', source, subpath, recursive: tree, reg });
    const recursive = tree | attributes | (options.recursivePropagation ? 4 : 0);
    plan.mounts.push({ verb: 'attachTree', tree: reg, ...common, recursive, propagation: options.propagation });
    return;
  }
  // The whole tree is private by now, so `private` asks for nothing.
  const propagation = options.propagation === mountFlag.unbindable ? options.propagation : 0n;
  plan.mounts.push({ verb: 'mountBind', ...common, source, subpath, recursive: tree | attributes, propagation });
}

/** Copies a tree out of another mount namespace: a short visit there, and home again. @returns the register of the copy */
function borrow(
  plan: Mounted,
  { lender, source, recursive }: { lender: BorrowedFrom; source: string; recursive: number },
  registers: Registers,
): number {
  const [there, home, reg] = [registers.next(), registers.next(), registers.next()];
  const flags = Number(cloneFlag.mount);
  plan.parent.push({ verb: 'pidfdOpen', pid: lender.pid, startTicks: lender.startTicks, reg: there });
  plan.before.push(
    { verb: 'open', path: ownMountNamespace, flags: 0, reg: home },
    { verb: 'setns', reg: there, flags },
    { verb: 'openTree', source, subpath: '', recursive, reg },
    { verb: 'setns', reg: home, flags },
  );
  return reg;
}

/** Tells whether a mount of config.json is a bind: by its type or by its options. */
export function isBind(mount: RuntimeMount, options: MountOptions): boolean {
  return mount.type === 'bind' || options.bind;
}

const readOnly = (root: number, target: string): Act => ({
  verb: 'mountAttrs',
  root,
  target,
  attrSet: mountAttr.readOnly,
  attrClear: 0n,
});

function refuse(mount: RuntimeMount, options: MountOptions): void {
  const where = `cannot mount "${mount.destination}"`;
  if (!mount.destination.startsWith('/')) throw new EngineError('invalid', `${where}: the path is not absolute`);
  if (options.remount) throw new EngineError('unsupported', `${where}: option "remount" is not built`);
  if (options.tmpCopyUp) throw new EngineError('unsupported', `${where}: option "tmpcopyup" is not built`);
  if (options.idmap || mount.uidMappings !== undefined || mount.gidMappings !== undefined) {
    throw new EngineError('unsupported', `${where}: id-mapped mounts are not built yet`);
  }
  const bind = isBind(mount, options);
  if (bind && !mount.source?.startsWith('/')) {
    throw new EngineError('invalid', `${where}: the source "${mount.source ?? ''}" is not an absolute path`);
  }
  if (!bind && !mount.type) throw new EngineError('invalid', `${where}: it has no type`);
  const target = cleanPath(mount.destination);
  if (target === '/') throw new EngineError('invalid', `${where}: it would cover the root filesystem`);
  if (target === '/proc' && mount.type !== 'proc' && !(bind && mount.source === '/proc')) {
    throw new EngineError('invalid', `${where}: only procfs may be mounted there`);
  }
  if (target.startsWith('/proc/') && !coverableInProc.has(target)) {
    throw new EngineError('invalid', `${where}: it is inside /proc`);
  }
}
