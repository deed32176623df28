import { existsSync, readFileSync } from 'node:fs';
import { EngineError } from '@gantry/base';
import type { Architecture, CgroupLayout, CgroupV1Hierarchy, CgroupV2Tree, HostFacts, ResourceLimit } from './facts.ts';
import { unlimited } from './facts.ts';
import { rlimitNumbers } from './rlimits.ts';

/**
 * Reads what the compilers decide by from the running kernel. The one place here that asks the host.
 *
 * Once per process is enough: none of it changes while a kernel runs, save the CPUs, which only bound defaults.
 *
 * @throws unsupported for an architecture or a cgroup layout without a home here
 */
export function probeHostFacts(): HostFacts {
  const kernelRelease = readText('/proc/sys/kernel/osrelease').trim();
  const [major = 0, minor = 0] = kernelRelease.split('.').map((part) => Number.parseInt(part, 10));
  const cgroup = readCgroupLayout(readFileSync('/proc/self/mountinfo', 'utf8'), (tree) =>
    words(readText(`${tree}/cgroup.controllers`)),
  );
  const status = readText('/proc/self/status');
  return {
    architecture: hostArchitecture(),
    kernelRelease,
    kernel: { major, minor },
    cgroup,
    seccomp: /^Seccomp:/m.test(status),
    apparmor: readText('/sys/module/apparmor/parameters/enabled').startsWith('Y'),
    selinux: existsSync('/sys/fs/selinux/enforce'),
    capabilities: BigInt(`0x${/^CapPrm:\s*(\w+)/m.exec(status)?.[1] ?? '0'}`),
    swapAccounting: hasSwapAccounting(cgroup),
    onlineCpus: readText('/sys/devices/system/cpu/online').trim(),
    memoryNodes: readText('/sys/devices/system/node/online').trim() || '0',
    rlimits: readLimits(readText('/proc/self/limits')),
    timeNamespace: existsSync('/proc/self/ns/time'),
    blkioWeight: blkioWeight(cgroup),
  };
}

function hostArchitecture(): Architecture {
  switch (process.arch) {
    case 'x64':
      return 'amd64';
    case 'arm64':
      return 'arm64';
    default:
      throw new EngineError(
        'unsupported',
        `cannot run containers on "${process.arch}": only amd64 and arm64 are built`,
      );
  }
}

/**
 * Tells the cgroup layout from mountinfo. Pure, so that every layout can be tested on any host.
 *
 * @param controllersOf reads cgroup.controllers of a v2 tree
 */
export function readCgroupLayout(mountinfo: string, controllersOf: (tree: string) => readonly string[]): CgroupLayout {
  const hierarchies: CgroupV1Hierarchy[] = [];
  let tree: CgroupV2Tree | undefined;
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [fstype, , options = ''] = after.split(' ');
    const mountPoint = before.split(' ')[4] ?? '';
    if (fstype === 'cgroup2') tree ??= { mountPoint, controllers: controllersOf(mountPoint) };
    if (fstype === 'cgroup') addHierarchy(hierarchies, mountPoint, options);
  }
  if (hierarchies.length === 0 && tree === undefined) {
    throw new EngineError('unsupported', 'cannot run containers: no cgroup filesystem is mounted', {
      hint: 'mount -t cgroup2 cgroup2 /sys/fs/cgroup',
    });
  }
  if (tree === undefined) return { kind: 'v1', hierarchies };
  return hierarchies.length === 0 ? { kind: 'v2', tree } : { kind: 'hybrid', hierarchies, tree };
}

const superblockOptions = new Set(['rw', 'ro', 'xattr', 'clone_children', 'noprefix', 'none']);

function addHierarchy(hierarchies: CgroupV1Hierarchy[], mountPoint: string, options: string): void {
  const parts = options.split(',').filter((part) => !superblockOptions.has(part) && !part.startsWith('release_agent='));
  const name = parts.find((part) => part.startsWith('name='))?.slice('name='.length);
  const controllers = parts.filter((part) => !part.startsWith('name='));
  const known = hierarchies.some((one) => one.name === name && one.controllers.join() === controllers.join());
  // The same hierarchy may be mounted twice; the first one is as good as any.
  if (!known) hierarchies.push({ mountPoint, controllers, name });
}

function hasSwapAccounting(layout: CgroupLayout): boolean {
  // The root of v2 has no memory.swap.max to look for; the kernel says it by the swap files of a child, or not at all.
  if (layout.kind === 'v2') return layout.tree.controllers.includes('memory');
  const memory = layout.hierarchies.find(({ controllers }) => controllers.includes('memory'));
  return memory !== undefined && existsSync(`${memory.mountPoint}/memory.memsw.limit_in_bytes`);
}

// Weight files are missing from root cgroups; where the kernel has the BFQ scheduler its statistics are there instead.
function blkioWeight(layout: CgroupLayout): HostFacts['blkioWeight'] {
  if (layout.kind === 'v2') return existsSync('/sys/module/bfq') ? 'io.bfq.weight' : 'io.weight';
  const blkio = layout.hierarchies.find(({ controllers }) => controllers.includes('blkio'));
  if (blkio === undefined) return undefined;
  if (existsSync(`${blkio.mountPoint}/blkio.bfq.io_serviced`)) return 'blkio.bfq.weight';
  return existsSync(`${blkio.mountPoint}/blkio.weight`) ? 'blkio.weight' : undefined;
}

const limitTitles: Readonly<Record<string, string>> = {
  'Max cpu time': 'RLIMIT_CPU',
  'Max file size': 'RLIMIT_FSIZE',
  'Max data size': 'RLIMIT_DATA',
  'Max stack size': 'RLIMIT_STACK',
  'Max core file size': 'RLIMIT_CORE',
  'Max resident set': 'RLIMIT_RSS',
  'Max processes': 'RLIMIT_NPROC',
  'Max open files': 'RLIMIT_NOFILE',
  'Max locked memory': 'RLIMIT_MEMLOCK',
  'Max address space': 'RLIMIT_AS',
  'Max file locks': 'RLIMIT_LOCKS',
  'Max pending signals': 'RLIMIT_SIGPENDING',
  'Max msgqueue size': 'RLIMIT_MSGQUEUE',
  'Max nice priority': 'RLIMIT_NICE',
  'Max realtime priority': 'RLIMIT_RTPRIO',
  'Max realtime timeout': 'RLIMIT_RTTIME',
};

/** Reads /proc/self/limits: the only place that lists them all without a system call for each. */
export function readLimits(text: string): Record<number, ResourceLimit> {
  const limits: Record<number, ResourceLimit> = {};
  for (const line of text.split('\n')) {
    const match = /^(Max [a-z ]+?)\s{2,}(\S+)\s+(\S+)/.exec(line);
    const resource = rlimitNumbers[limitTitles[match?.[1] ?? ''] ?? ''];
    if (match?.[2] === undefined || match[3] === undefined || resource === undefined) continue;
    limits[resource] = { soft: limitNumber(match[2]), hard: limitNumber(match[3]) };
  }
  return limits;
}

const limitNumber = (text: string): bigint => (text === 'unlimited' ? unlimited : BigInt(text));

const words = (text: string): string[] =>
  text
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '');

/** Text of a file that may not exist on this kernel. */
function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
