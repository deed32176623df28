import { expect, test } from 'bun:test';
import type { LimitFacts } from './limit-facts.ts';
import { emptyConfig, emptyHostConfig } from './record-fixture.ts';
import { pinSharedModes, settleCreate } from './settle-create.ts';
import type { ContainerConfig, HostConfig } from './types.ts';

const host: LimitFacts = {
  cgroupVersion: '1',
  controllers: new Set(['memory', 'cpu', 'cpuset', 'pids', 'blkio']),
  cpus: 2,
  cpusetCpus: '0-1',
  cpusetMems: '0',
  platform: { os: 'linux', architecture: 'amd64', variant: '' },
  swapLimit: true,
  memorySwappiness: true,
  oomKillDisable: true,
  blkioWeight: false,
  cpuRealtime: false,
  ipv4Forwarding: true,
  hostname: 'host',
  capabilities: (1n << 41n) - 1n,
  thermalCpus: [],
};

type Given = { config?: Partial<ContainerConfig>; hostConfig?: Partial<HostConfig>; host?: Partial<LimitFacts> };
const settle = (given: Given) =>
  settleCreate(
    {
      name: '',
      platform: '',
      config: { ...emptyConfig, ...given.config },
      hostConfig: { ...emptyHostConfig, ...given.hostConfig },
      endpoints: {},
    },
    { ...host, ...given.host },
  );

const mebibyte = 2 ** 20;

test.each<[Partial<HostConfig>, string]>([
  [{ memoryBytes: 1 }, 'Minimum memory limit allowed is 6MB'],
  [
    { memoryBytes: 64 * mebibyte, memorySwapBytes: 32 * mebibyte },
    'Minimum memoryswap limit should be larger than memory limit, see usage',
  ],
  [{ memorySwapBytes: 32 * mebibyte }, 'You should always set the Memory limit when using Memoryswap limit, see usage'],
  [{ memorySwappiness: 101 }, 'Invalid value: 101, valid memory swappiness range is 0-100'],
  [
    { memoryBytes: 8 * mebibyte, memoryReservationBytes: 9 * mebibyte },
    'Minimum memory limit can not be less than memory reservation limit, see usage',
  ],
  [{ nanoCpus: 3e9 }, 'range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available'],
  [{ nanoCpus: 1e9, cpuQuota: 5000 }, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
  [{ cpuQuota: 1 }, 'CPU cfs quota can not be less than 1ms (i.e. 1000)'],
  [{ cpusetCpus: '0,7' }, 'Requested CPUs are not available - requested 0,7, available: 0-1'],
  [{ cpusetCpus: '0-99999999999' }, 'Invalid value 0-99999999999 for cpuset cpus'],
  [
    { autoRemove: true, restartPolicy: { name: 'always', maximumRetryCount: 0 } },
    "can't create 'AutoRemove' container with restart policy",
  ],
  [
    { restartPolicy: { name: 'always', maximumRetryCount: 3 } },
    "invalid restart policy: maximum retry count can only be used with 'on-failure'",
  ],
  [{ pidMode: 'container:' }, 'invalid PID mode: container:'],
  [{ capAdd: ['nosuch'] }, 'invalid CapAdd: unknown capability: "CAP_NOSUCH"'],
  [{ capDrop: ['nosuch'] }, 'invalid CapDrop: unknown capability: "CAP_NOSUCH"'],
  [{ ipcMode: 'odd' }, 'invalid IPC mode: odd'],
  [{ utsMode: 'container:x' }, 'invalid UTS mode: container:x'],
  [{ oomScoreAdj: 1001 }, 'Invalid value 1001, range for oom score adj is [-1000, 1000]'],
  [{ securityOpt: ['odd'] }, 'invalid --security-opt 1: "odd"'],
  [{ securityOpt: ['odd=1'] }, 'invalid --security-opt 2: "odd=1"'],
  [{ portBindings: { '0/tcp': [] } }, 'invalid port specification: "0/tcp"'],
  [{ portBindings: { '80/tcp': [{ hostIp: '', hostPort: 'x' }] } }, 'invalid port specification: "x"'],
  [{ extraHosts: ['web'] }, 'bad format for add-host: "web"'],
  [{ extraHosts: ['web:nowhere'] }, 'invalid IP address in add-host: "nowhere"'],
  [{ networkMode: 'container:' }, 'invalid network mode: invalid container format container:<name|id>'],
  [{ networkMode: 'container:x', dns: ['1.1.1.1'] }, 'conflicting options: dns and the network mode'],
  [
    { networkMode: 'container:x', publishAllPorts: true },
    'conflicting options: port publishing and the container type network mode',
  ],
])('the host config %j is refused', (hostConfig, text) => {
  expect(() => settle({ hostConfig })).toThrow(text);
});

test.each<[Partial<ContainerConfig>, Partial<HostConfig>, string]>([
  [{ workingDir: 'srv' }, {}, "the working directory 'srv' is invalid, it needs to be an absolute path"],
  [{ stopSignal: 'SIGODD' }, {}, 'invalid signal: SIGODD'],
  [{ env: ['=x'] }, {}, 'invalid environment variable: =x'],
  [{ cmd: ['a', 'b\0c'] }, {}, 'invalid Cmd: a NUL byte cannot be passed to a program'],
  [{ user: '\0' }, {}, 'invalid User: a NUL byte cannot be passed to a program'],
  [{ hostname: 'a'.repeat(65) }, {}, 'is too long (maximum 64 bytes)'],
  [{ hostname: 'a' }, { utsMode: 'host' }, 'conflicting options: hostname and the UTS mode'],
  [{ hostname: 'a' }, { networkMode: 'container:x' }, 'conflicting options: hostname and the network mode'],
  [{ exposedPorts: ['http'] }, {}, 'invalid port specification: "http"'],
])('the config %j with %j is refused', (config, hostConfig, text) => {
  expect(() => settle({ config, hostConfig })).toThrow(text);
});

test('defaults are filled in as inspect shows them', () => {
  const { value, warnings } = settle({ hostConfig: { memoryBytes: 64 * mebibyte, shmSizeBytes: 0, networkMode: '' } });
  expect(warnings).toEqual([]);
  expect(value).toMatchObject({
    memorySwapBytes: 128 * mebibyte,
    shmSizeBytes: 64 * mebibyte,
    networkMode: 'default',
    ipcMode: 'private',
    cgroupnsMode: 'host',
    oomKillDisable: false,
    logConfig: { type: 'json-file', config: {} },
    readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
  });
  expect(settle({ hostConfig: { privileged: true } }).value.maskedPaths).toBeUndefined();
});

test('what the kernel cannot do is dropped with a warning', () => {
  const { value, warnings } = settle({
    hostConfig: { memoryBytes: 64 * mebibyte, blkioWeight: 100, oomKillDisable: true },
    host: { swapLimit: false, oomKillDisable: false },
  });
  expect(value).toMatchObject({ memorySwapBytes: -1, blkioWeight: 0, oomKillDisable: undefined });
  expect(warnings).toEqual([
    'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
    'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
  ]);
});

test('a shared mode is pinned to the ID of the container', () => {
  const pinned = pinSharedModes({ ...emptyHostConfig, networkMode: 'container:web', pidMode: 'host' }, () => 'abc');
  expect(pinned.networkMode).toBe('container:abc');
  expect(pinned.pidMode).toBe('host');
});
