import { expect } from 'bun:test';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LinuxSpec, RuntimeProcess, RuntimeSpec } from '@gantry/oci';
import { defaultCapabilities } from './capabilities.ts';
import type { CompileContext } from './context.ts';
import { defaultSpec } from './default-spec.ts';
import type { CgroupLayout, HostFacts } from './facts.ts';
import { defaultSeccompProfile, resolveSeccompProfile } from './seccomp/index.ts';

// Test data only: hosts, documents and contexts that the golden plans are compiled from.

export const v1: CgroupLayout = {
  kind: 'v1',
  hierarchies: [
    { mountPoint: '/sys/fs/cgroup/cpu,cpuacct', controllers: ['cpu', 'cpuacct'], name: undefined },
    ...['cpuset', 'memory', 'devices', 'freezer', 'blkio', 'pids'].map((name) => ({
      mountPoint: `/sys/fs/cgroup/${name}`,
      controllers: [name],
      name: undefined,
    })),
    { mountPoint: '/sys/fs/cgroup/systemd', controllers: [], name: 'systemd' },
  ],
};

export const v2: CgroupLayout = {
  kind: 'v2',
  tree: {
    mountPoint: '/sys/fs/cgroup',
    controllers: ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids', 'rdma'],
  },
};

export const hybrid: CgroupLayout = {
  kind: 'hybrid',
  hierarchies: v1.kind === 'v1' ? v1.hierarchies : [],
  tree: { mountPoint: '/sys/fs/cgroup/unified', controllers: [] },
};

export function hostFacts(change: Partial<HostFacts> = {}): HostFacts {
  return {
    architecture: 'amd64',
    kernelRelease: '6.1.0',
    kernel: { major: 6, minor: 1 },
    cgroup: v2,
    seccomp: true,
    apparmor: false,
    selinux: false,
    capabilities: 0x1ff_ffff_ffffn,
    swapAccounting: true,
    onlineCpus: '0-3',
    memoryNodes: '0',
    rlimits: {},
    timeNamespace: true,
    blkioWeight: undefined,
    ...change,
  };
}

type SpecChange = Omit<Partial<RuntimeSpec>, 'process' | 'linux'> & {
  readonly process?: Partial<RuntimeProcess>;
  readonly linux?: Partial<LinuxSpec>;
};

/** What Docker's defaults come to for `web`, with changes laid over it. */
export function dockerSpec(change: SpecChange = {}, facts = hostFacts()): RuntimeSpec {
  const base = defaultSpec();
  const capabilities = {
    bounding: defaultCapabilities,
    effective: defaultCapabilities,
    permitted: defaultCapabilities,
  };
  return {
    ...base,
    root: { path: '/unused' },
    hostname: 'web',
    ...change,
    process: {
      cwd: '/',
      args: ['sh'],
      env: ['PATH=/bin', 'HOME=/root'],
      user: { uid: 0, gid: 0 },
      oomScoreAdj: 0,
      capabilities,
      ...change.process,
    },
    linux: {
      ...base.linux,
      seccomp: resolveSeccompProfile(defaultSeccompProfile, facts, defaultCapabilities),
      ...change.linux,
    },
  };
}

export function compileContext(change: Partial<CompileContext> = {}): CompileContext {
  return {
    id: 'abc',
    facts: hostFacts(),
    shim: {
      taskDir: '/run/gantry/tasks/abc',
      exitRecord: '/run/gantry/tasks/abc/exit',
      log: { kind: 'none' },
      openStdin: false,
      stdinOnce: false,
    },
    root: {
      kind: 'overlay',
      cwd: '/var/lib/gantry',
      lower: ['s/2/fs', 's/1/fs'],
      upper: 'c/abc/upper',
      work: 'c/abc/work',
      target: '/run/gantry/root',
    },
    cgroupPath: '/gantry/abc',
    network: { parentActs: [], childActs: [] },
    copyUp: [],
    createWorkingDir: true,
    ...change,
  };
}

/** Compares text with a golden file beside the tests; `GOLDEN=update` writes it. */
export function expectGolden(directory: string, name: string, text: string): void {
  const path = join(directory, '__golden__', `${name}.txt`);
  if (process.env.GOLDEN === 'update') writeFileSync(path, text);
  expect(existsSync(path) ? readFileSync(path, 'utf8') : `no golden file ${path}`).toBe(text);
}
