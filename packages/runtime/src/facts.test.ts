import { expect, test } from 'bun:test';
import { unlimited } from './facts.ts';
import { hostFacts } from './fixture.ts';
import { readCgroupLayout, readLimits } from './probe-facts.ts';
import { chooseRlimits } from './rlimits.ts';

const line = (mountPoint: string, fstype: string, options: string) =>
  `30 20 0:26 / ${mountPoint} rw,nosuid shared:9 - ${fstype} ${fstype} ${options}\n`;

test('cgroup layouts are told from mountinfo', () => {
  const unified = line('/sys/fs/cgroup', 'cgroup2', 'rw,nsdelegate');
  expect(readCgroupLayout(line('/', 'ext4', 'rw') + unified, () => ['cpu', 'memory'])).toEqual({
    kind: 'v2',
    tree: { mountPoint: '/sys/fs/cgroup', controllers: ['cpu', 'memory'] },
  });
  const memory = line('/sys/fs/cgroup/memory', 'cgroup', 'rw,memory');
  const both = line('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct');
  const systemd = line('/sys/fs/cgroup/systemd', 'cgroup', 'rw,xattr,release_agent=/x,name=systemd');
  const hierarchies = [
    { mountPoint: '/sys/fs/cgroup/memory', controllers: ['memory'], name: undefined },
    { mountPoint: '/sys/fs/cgroup/cpu,cpuacct', controllers: ['cpu', 'cpuacct'], name: undefined },
    { mountPoint: '/sys/fs/cgroup/systemd', controllers: [], name: 'systemd' },
  ];
  const again = line('/mnt/memory', 'cgroup', 'rw,memory');
  expect(readCgroupLayout(memory + both + systemd + again, () => [])).toEqual({ kind: 'v1', hierarchies });
  const hybrid = line('/sys/fs/cgroup/unified', 'cgroup2', 'rw') + memory + both + systemd;
  expect(readCgroupLayout(hybrid, () => [])).toEqual({
    kind: 'hybrid',
    hierarchies,
    tree: { mountPoint: '/sys/fs/cgroup/unified', controllers: [] },
  });
  expect(() => readCgroupLayout(line('/', 'ext4', 'rw'), () => [])).toThrow('no cgroup filesystem is mounted');
});

test('limits are read from the table of the kernel', () => {
  const text =
    'Limit   Soft Limit   Hard Limit   Units\nMax open files            1024                 20000                files     \nMax cpu time              unlimited            unlimited            seconds   \n';
  expect(readLimits(text)).toEqual({ 0: { soft: unlimited, hard: unlimited }, 7: { soft: 1024n, hard: 20000n } });
});

test('a limit that may not be raised is lowered, with a warning', () => {
  const rlimits = { 7: { soft: 1024n, hard: 20000n } };
  const weak = hostFacts({ capabilities: 0n, rlimits });
  const asked = [{ type: 'RLIMIT_NOFILE', soft: 30000, hard: -1 }];
  expect(chooseRlimits(asked, weak)).toEqual({
    limits: [{ type: 'RLIMIT_NOFILE', resource: 7, soft: 20000n, hard: 20000n }],
    warnings: ['limit RLIMIT_NOFILE lowered to 20000: the engine lacks CAP_SYS_RESOURCE and may not raise its own'],
  });
  expect(chooseRlimits(asked, hostFacts({ rlimits }))).toEqual({
    limits: [{ type: 'RLIMIT_NOFILE', resource: 7, soft: 30000n, hard: unlimited }],
    warnings: [],
  });
  expect(() => chooseRlimits([{ type: 'RLIMIT_NOFILE', soft: 2, hard: 1 }], weak)).toThrow('above the hard limit');
});
