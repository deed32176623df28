import { expect, test } from 'bun:test';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostFacts } from '@gantry/runtime';
import { type ComposedConfig, composeConfig } from './compose-config.ts';
import { emptyConfig, emptyHostConfig, sampleRecord } from './record-fixture.ts';
import type { StartFacts } from './start-facts.ts';
import type { ContainerConfig, HostConfig, MountPoint } from './types.ts';

const host: HostFacts = {
  architecture: 'amd64',
  kernelRelease: '6.18.0',
  kernel: { major: 6, minor: 18 },
  cgroup: { kind: 'v2', tree: { mountPoint: '/sys/fs/cgroup', controllers: ['memory', 'cpu', 'pids'] } },
  seccomp: true,
  apparmor: true,
  selinux: false,
  capabilities: (1n << 41n) - 1n,
  swapAccounting: true,
  onlineCpus: '0-1',
  memoryNodes: '0',
  rlimits: {},
  timeNamespace: true,
  blkioWeight: undefined,
};

const usualFacts: StartFacts = {
  host,
  rootPath: '/data/root',
  cgroupPath: '/gantry/c1',
  hostname: 'c1',
  hostsPath: '/data/c1/hosts',
  hostnamePath: '/data/c1/hostname',
  resolvConfPath: '/data/c1/resolv.conf',
  network: { kind: 'own' },
  ipcPath: undefined,
  pidPath: undefined,
  shmOf: undefined,
  initPath: '/usr/lib/init',
  devices: [],
  deviceNumbers: new Map([['/dev/sda', { major: 8, minor: 0 }]]),
  thermalCpus: [0],
};

const point: MountPoint = {
  type: 'bind',
  name: '',
  source: '/a',
  destination: '/b',
  driver: '',
  mode: '',
  writable: true,
  propagation: 'rprivate',
  subpath: '',
  recursive: true,
  copyUp: false,
  tmpfsOptions: [],
};

type Given = {
  readonly config?: Partial<ContainerConfig>;
  readonly hostConfig?: Partial<HostConfig>;
  readonly facts?: Partial<StartFacts>;
  readonly mountPoints?: readonly Partial<MountPoint>[];
};

function compose({ config, hostConfig, facts, mountPoints = [] }: Given): ComposedConfig {
  const record = sampleRecord(1, {
    config: { ...emptyConfig, ...config },
    hostConfig: { ...emptyHostConfig, ipcMode: 'private', cgroupnsMode: 'private', ...hostConfig },
    mountPoints: mountPoints.map((given) => ({ ...point, ...given })),
  });
  return composeConfig(record, { ...usualFacts, ...facts });
}

/** `path = value` for every leaf; a list of plain values is one leaf, and so are a mount, a device and a rule. */
function leaves(value: unknown, path = ''): Map<string, string> {
  const isPlain = typeof value !== 'object' || value === null;
  const isRow =
    typeof value === 'object' && value !== null && ['destination', 'allow', 'fileMode'].some((key) => key in value);
  const isWords = Array.isArray(value) && value.every((item) => typeof item !== 'object');
  if (isPlain || isRow || isWords) return new Map([[path, JSON.stringify(value)]]);
  const keyOf = (key: string, item: unknown): string =>
    typeof item === 'object' && item !== null && 'destination' in item ? String(item.destination) : key;
  return new Map(
    Object.entries(value ?? {})
      .filter(([key]) => key !== 'seccomp')
      .flatMap(([key, item]) => [...leaves(item, path === '' ? key : `${path}.${keyOf(key, item)}`)]),
  );
}

function differences(given: Given): string[] {
  const before = leaves(compose({}));
  const after = leaves(compose(given));
  const gone = [...before]
    .filter(([path, value]) => after.get(path) !== value)
    .map(([path, value]) => `- ${path} = ${value}`);
  const come = [...after]
    .filter(([path, value]) => before.get(path) !== value)
    .map(([path, value]) => `+ ${path} = ${value}`);
  return [...gone, ...come];
}

const options: Readonly<Record<string, Given>> = {
  'a terminal of a known size': { config: { tty: true }, hostConfig: { consoleSize: [24, 80] } },
  'environment, working directory, user and groups': {
    config: { env: ['PATH=/bin', 'A=1', 'HOSTNAME'], workingDir: '/srv', user: 'www:web' },
    hostConfig: { groupAdd: ['audio'] },
  },
  'host name with a domain': { config: { domainname: 'example.org' } },
  '--init': { hostConfig: { init: true } },
  '--init beside the pids of the host': { hostConfig: { init: true, pidMode: 'host' } },
  '--privileged': {
    hostConfig: { privileged: true },
    facts: {
      devices: [
        { type: 'c', path: '/dev/kvm', major: 10, minor: 232, access: 'rwm', fileMode: 0o660, uid: 0, gid: 36 },
      ],
    },
  },
  '--cap-add and --cap-drop': { hostConfig: { capAdd: ['NET_ADMIN'], capDrop: ['mknod', 'CAP_CHOWN'] } },
  '--device and --device-cgroup-rule': {
    hostConfig: { deviceCgroupRules: ['c 42:* rwm', 'a *:* r'] },
    facts: {
      devices: [{ type: 'b', path: '/dev/xvdc', major: 8, minor: 0, access: 'r', fileMode: 0o660, uid: 0, gid: 6 }],
    },
  },
  '--sysctl': { hostConfig: { sysctls: { 'net.core.somaxconn': '1024', 'net.ipv4.ping_group_range': '1 0' } } },
  '--ulimit': { hostConfig: { ulimits: [{ name: 'nofile', soft: 1024, hard: -1 }] } },
  '--memory, --memory-swap, --memory-reservation, --memory-swappiness, --oom-kill-disable': {
    hostConfig: {
      memoryBytes: 67108864,
      memorySwapBytes: -1,
      memoryReservationBytes: 33554432,
      memorySwappiness: 0,
      oomKillDisable: true,
    },
  },
  '--cpus, --cpu-shares, --cpuset-cpus': {
    hostConfig: { nanoCpus: 1.5e9, cpuShares: 512, cpusetCpus: '0', cpusetMems: '0' },
  },
  '--cpu-period and --cpu-quota': { hostConfig: { cpuPeriod: 50000, cpuQuota: 25000 } },
  '--pids-limit 100': { hostConfig: { pidsLimit: 100 } },
  '--pids-limit 0': { hostConfig: { pidsLimit: 0 } },
  'block I/O limits': {
    hostConfig: {
      blkioWeight: 300,
      blkioDeviceReadBps: [{ path: '/dev/sda', rate: 1048576 }],
      blkioWeightDevice: [{ path: '/dev/sda', weight: 200 }],
    },
  },
  '--oom-score-adj': { hostConfig: { oomScoreAdj: 500 } },
  '--shm-size': { hostConfig: { shmSizeBytes: 1024 } },
  '--ipc none': { hostConfig: { ipcMode: 'none' } },
  '--ipc host, --pid host, --uts host, --cgroupns host': {
    hostConfig: { ipcMode: 'host', pidMode: 'host', utsMode: 'host', cgroupnsMode: 'host' },
  },
  '--ipc container, --pid container, --network container': {
    hostConfig: { ipcMode: 'container:x', pidMode: 'container:x', networkMode: 'container:x' },
    facts: {
      ipcPath: '/proc/7/ns/ipc',
      pidPath: '/proc/7/ns/pid',
      shmOf: { pid: 7, startTicks: 1n },
      network: { kind: 'path', path: '/proc/7/ns/net' },
    },
  },
  '--network host': { hostConfig: { networkMode: 'host' }, facts: { network: { kind: 'host' } } },
  '--security-opt no-new-privileges': { hostConfig: { securityOpt: ['no-new-privileges'] } },
  '--security-opt apparmor': { hostConfig: { securityOpt: ['apparmor=mine'] } },
  '--security-opt systempaths=unconfined': { hostConfig: { securityOpt: ['systempaths=unconfined'] } },
  '--security-opt writable-cgroups': { hostConfig: { securityOpt: ['writable-cgroups=true'] } },
  '--read-only': { hostConfig: { readonlyRootfs: true }, mountPoints: [{}] },
  'a read-only bind, not recursive, and a shared one': {
    mountPoints: [
      { writable: false, recursive: false },
      { destination: '/c', writable: false, propagation: 'rshared' },
      { destination: '/d', propagation: 'rslave' },
    ],
  },
  'a bind over /dev hides what is below it': { mountPoints: [{ destination: '/dev', source: '/dev' }] },
  'a bind on /etc/hosts takes the place of the made one': {
    mountPoints: [{ destination: '/etc/hosts', writable: false }],
  },
  'a volume that takes the image content, and a part of one': {
    mountPoints: [
      { type: 'volume', name: 'v', source: '/v/_data', destination: '/data', propagation: '', copyUp: true },
      {
        type: 'volume',
        name: 'w',
        source: '/w/_data',
        destination: '/part',
        propagation: '',
        copyUp: true,
        subpath: 'a/b',
      },
    ],
  },
  '--tmpfs and a tmpfs mount': {
    hostConfig: { tmpfs: { '/run': 'exec,size=1m', '/plain': '' } },
    mountPoints: [{ type: 'tmpfs', destination: '/t', tmpfsOptions: ['ro', 'mode=1777'] }],
  },
  'masked and read-only paths of the user, also when privileged': {
    hostConfig: { privileged: true, maskedPaths: ['/proc/kcore'], readonlyPaths: [] },
  },
  '--annotation': { hostConfig: { annotations: { a: 'b' } } },
};

function expectGolden(name: string, text: string): void {
  const path = join(import.meta.dir, '__golden__', name);
  if (process.env.GOLDEN === 'update' || !existsSync(path)) writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, 'utf8'));
}

test('the default container is composed as the golden says', () => {
  const lines = [...leaves(compose({}))].map(([path, value]) => `${path} = ${value}`);
  expectGolden('compose-default.txt', `${lines.join('\n')}\n`);
});

test('each option changes what the golden says and nothing else', () => {
  const sections = Object.entries(options).map(([name, given]) => `## ${name}\n${differences(given).join('\n')}\n`);
  expectGolden('compose-options.txt', sections.join('\n'));
});

test('seccomp: the built-in profile unless privileged or unconfined; an explicit one holds for a privileged container', () => {
  const filter = (hostConfig: Partial<HostConfig>) => compose({ hostConfig }).spec.linux?.seccomp?.defaultAction;
  const allowAll = JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW' });
  expect(filter({})).toBe('SCMP_ACT_ERRNO');
  expect(filter({ privileged: true })).toBeUndefined();
  expect(filter({ securityOpt: ['seccomp=unconfined'] })).toBeUndefined();
  expect(filter({ privileged: true, securityOpt: ['seccomp=builtin'] })).toBe('SCMP_ACT_ERRNO');
  expect(filter({ securityOpt: [`seccomp=${allowAll}`] })).toBe('SCMP_ACT_ALLOW');
});

test.each<[Given, string]>([
  [
    { hostConfig: { sysctls: { 'net.core.somaxconn': '1' } }, facts: { network: { kind: 'host' } } },
    'sysctl "net.core.somaxconn" not allowed in host network namespace',
  ],
  [
    { hostConfig: { ipcMode: 'host', sysctls: { 'kernel.shmmax': '1' } } },
    'sysctl "kernel.shmmax" is not allowed in the hosts ipc namespace',
  ],
  [
    { hostConfig: { sysctls: { 'kernel.core_pattern': 'x' } } },
    'sysctl "kernel.core_pattern" is not in a separate kernel namespace',
  ],
  [
    { hostConfig: { sysctls: { 'kernel/core_pattern': 'x' } } },
    'sysctl "kernel/core_pattern" is not in a separate kernel namespace',
  ],
  [{ hostConfig: { sysctls: { 'net/../kernel/core_pattern': 'x' } } }, 'is not a valid name'],
  [{ hostConfig: { sysctls: { 'kernel.hostname': 'x' } } }, 'conflicts with OCI field "hostname"'],
  [{ hostConfig: { deviceCgroupRules: ['x 1:3 rwm'] } }, "invalid device cgroup rule format: 'x 1:3 rwm'"],
  [{ hostConfig: { tmpfs: { '/t': 'odd' } } }, 'invalid tmpfs option "odd"'],
  [{ hostConfig: { tmpfs: { '/t': 'odd=1' } } }, 'invalid tmpfs option "odd"'],
  [
    {
      hostConfig: {
        deviceRequests: [{ driver: 'nvidia', count: -1, deviceIds: [], capabilities: [['gpu']], options: {} }],
      },
    },
    'could not select device driver "nvidia" with capabilities: [[gpu]]',
  ],
  [
    { hostConfig: { blkioDeviceReadBps: [{ path: '/dev/none', rate: 1 }] } },
    'stat /dev/none: no such file or directory',
  ],
  [{ hostConfig: { capAdd: ['ODD'] } }, 'unknown capability: "CAP_ODD"'],
])('%j is refused at the start', (given, text) => {
  expect(() => compose(given)).toThrow(text);
});
