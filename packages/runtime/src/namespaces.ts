import { EngineError } from '@gantry/base';
import type { Act } from '@gantry/native';
import type { LinuxNamespace, LinuxNamespaceType, LinuxSpec } from '@gantry/oci';
import type { Registers } from './registers.ts';

/** CLONE_NEW* by namespace type. Fact: linux/sched.h. */
export const cloneFlag: Readonly<Record<LinuxNamespaceType, bigint>> = {
  time: 0x80n,
  mount: 0x20000n,
  cgroup: 0x2000000n,
  uts: 0x4000000n,
  ipc: 0x8000000n,
  user: 0x10000000n,
  pid: 0x20000000n,
  network: 0x40000000n,
};

export type NamespacePlan = {
  readonly cloneFlags: bigint;
  /** Opens the namespaces that are joined, and enters a PID namespace, which only takes hold for children. */
  readonly parent: readonly Act[];
  /** Enters the others. */
  readonly join: readonly Act[];
  /** Made by the child itself once it is in its cgroups: the root of a cgroup namespace is where its maker stands. */
  readonly newCgroup: boolean;
};

export type NamespaceMode = 'host' | 'new' | 'path';

/** How the container has its namespace of one type: its own, the host's, or one joined by path. */
export function namespaceMode(linux: LinuxSpec | undefined, type: LinuxNamespaceType): NamespaceMode {
  const entry = linux?.namespaces?.find((namespace) => namespace.type === type);
  if (entry === undefined) return 'host';
  return entry.path ? 'path' : 'new';
}

/** @throws invalid for a type given twice, unsupported for a user namespace and for a joined or missing mount namespace */
export function planNamespaces(linux: LinuxSpec | undefined, registers: Registers): NamespacePlan {
  const entries = linux?.namespaces ?? [];
  refuse(entries, linux);
  const parent: Act[] = [];
  const join: Act[] = [];
  for (const { type, path } of entries.filter((entry) => entry.path)) {
    const reg = registers.next();
    parent.push({ verb: 'open', path: path ?? '', flags: 0, reg });
    const enter: Act = { verb: 'setns', reg, flags: Number(cloneFlag[type]) };
    (type === 'pid' ? parent : join).push(enter);
  }
  const fresh = entries.filter((entry) => !entry.path && entry.type !== 'cgroup');
  return {
    cloneFlags: fresh.reduce((flags, { type }) => flags | cloneFlag[type], 0n),
    parent,
    join,
    newCgroup: namespaceMode(linux, 'cgroup') === 'new',
  };
}

function refuse(entries: readonly LinuxNamespace[], linux: LinuxSpec | undefined): void {
  const types = entries.map(({ type }) => type);
  const twice = types.find((type, index) => types.indexOf(type) !== index);
  if (twice !== undefined) throw new EngineError('invalid', `cannot use namespace "${twice}": it is listed twice`);
  const unknown = types.find((type) => cloneFlag[type] === undefined);
  if (unknown !== undefined) throw new EngineError('invalid', `cannot use namespace "${unknown}": no such type`);
  if (types.includes('user')) throw new EngineError('unsupported', 'cannot use namespace "user": not built yet');
  if (namespaceMode(linux, 'mount') !== 'new') {
    throw new EngineError('unsupported', 'cannot start a container without a mount namespace of its own');
  }
  if (linux?.timeOffsets !== undefined && Object.keys(linux.timeOffsets).length > 0) {
    throw new EngineError('unsupported', 'cannot set "linux.timeOffsets": not built yet');
  }
}
