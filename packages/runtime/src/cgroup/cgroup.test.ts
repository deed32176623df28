import { expect, test } from 'bun:test';
import { formatAct } from '@gantry/native';
import type { LinuxResources } from '@gantry/oci';
import { expectGolden, hostFacts, hybrid, v1, v2 } from '../fixture.ts';
import { openRegisters } from '../registers.ts';
import { compileCgroup, compileUpdate } from './compile.ts';
import { compileDeviceProgram } from './device-program.ts';
import { readDeviceRules } from './device-rules.ts';
import { cgroupFiles } from './layout.ts';
import { cpuWeight, ioWeight, swapMax } from './v2.ts';

const throttle = [{ major: 8, minor: 0, rate: 1048576 }];

const everything: LinuxResources = {
  memory: { limit: 268435456, reservation: 134217728, swap: 536870912, swappiness: 10, disableOOMKiller: true },
  cpu: {
    shares: 512,
    quota: 50000,
    period: 100000,
    burst: 1000,
    cpus: '0-1',
    mems: '0',
    realtimePeriod: 9,
    realtimeRuntime: 8,
  },
  pids: { limit: 100 },
  blockIO: {
    weight: 500,
    weightDevice: [{ major: 8, minor: 0, weight: 100 }],
    throttleReadBpsDevice: throttle,
    throttleWriteBpsDevice: throttle,
    throttleReadIOPSDevice: throttle,
    throttleWriteIOPSDevice: throttle,
  },
};

const writes = (resources: LinuxResources, change: Parameters<typeof hostFacts>[0], currentMemoryLimit?: number) =>
  compileUpdate(resources, {
    facts: hostFacts(change),
    cgroupPath: '/g/c',
    ...(currentMemoryLimit === undefined ? {} : { currentMemoryLimit }),
  })
    .map(({ path, data }) => `${path} ${data}\n`)
    .join('');

test('each resource is these file writes on v1 and on v2', () => {
  const parts: readonly string[] = [
    '== v1',
    writes(everything, { cgroup: v1, blkioWeight: 'blkio.bfq.weight' }),
    '== hybrid is v1',
    writes({ pids: { limit: -1 } }, { cgroup: hybrid }),
    '== v1 without swap accounting',
    writes({ memory: { limit: 5, swap: 6 } }, { cgroup: v1, swapAccounting: false }),
    '== v1, memory without limit lifts swap first',
    writes({ memory: { limit: -1 } }, { cgroup: v1 }),
    '== v1, update that widens',
    writes({ memory: { limit: 10, swap: 20 } }, { cgroup: v1 }, 5),
    '== v1, update that narrows',
    writes({ memory: { limit: 10, swap: 20 } }, { cgroup: v1 }, 30),
    '== v2',
    writes(everything, { cgroup: v2 }),
    '== v2 with BFQ',
    writes({ blockIO: { weight: 500 } }, { cgroup: v2, blkioWeight: 'io.bfq.weight' }),
    '== v2, unlimited and unified',
    writes(
      { memory: { limit: -1 }, pids: { limit: 0 }, unified: { 'memory.high': '7', 'cgroup.max.depth': '2' } },
      { cgroup: v2 },
    ),
    '== v2, huge pages, rdma and idle',
    writes(
      {
        hugepageLimits: [{ pageSize: '2MB', limit: 9 }],
        rdma: { mlx5_1: { hcaHandles: 3 } },
        cpu: { idle: 1, shares: 9 },
      },
      { cgroup: v2 },
    ),
  ];
  expectGolden(import.meta.dir, 'limits', parts.join('\n'));
});

test('v1 scales become v2 scales, minimum, default and maximum kept', () => {
  expect([0, 1, 2, 10, 100, 1024, 2048, 262144, 999999].map(cpuWeight)).toEqual([
    0, 1, 1, 4, 17, 100, 174, 10000, 10000,
  ]);
  expect([0, 10, 500, 1000].map(ioWeight)).toEqual([0, 1, 4950, 10000]);
  expect([swapMax(0, 5), swapMax(-1, 5), swapMax(8, 5), swapMax(5, 5)]).toEqual([undefined, -1, 3, 0]);
  expect(() => swapMax(4, 5)).toThrow('below that of memory');
  expect(() => swapMax(4, 0)).toThrow('memory has no limit');
});

test('a limit whose controller is missing is refused by name', () => {
  expect(() => writes({ hugepageLimits: [{ pageSize: '2MB', limit: 1 }] }, { cgroup: v1 })).toThrow(
    'controller "hugetlb"',
  );
  expect(() => writes({ unified: { 'memory.high': '1' } }, { cgroup: v1 })).toThrow('cgroup v1');
  expect(() => writes({ unified: { 'misc.max': '1' } }, { cgroup: v2 })).toThrow('controller "misc"');
  expect(() => writes({ unified: { '../x': '1' } }, { cgroup: v2 })).toThrow('not the name');
  expect(() => writes({ blockIO: { weight: 10 } }, { cgroup: v1 })).toThrow('block I/O weight');
});

test('a cgroup is made, limited and entered: v1 by its tasks files, v2 by clone3', () => {
  const resources = { devices: [{ allow: false }, { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' }] };
  const lines = [v1, v2].flatMap((cgroup) => {
    const plan = compileCgroup(resources, { facts: hostFacts({ cgroup }), cgroupPath: '/g/c' }, openRegisters());
    return [`== ${cgroup.kind}, into %${plan.cloneInto}`, ...[...plan.parent, ...plan.join].map(formatAct)];
  });
  expectGolden(import.meta.dir, 'made', `${lines.join('\n')}\n`);
});

test('a container may use every device without a single write', () => {
  const context = { facts: hostFacts({ cgroup: v1 }), cgroupPath: '/g/c' };
  const plan = compileCgroup({ devices: [{ allow: true }] }, context, openRegisters());
  expect(plan.parent.filter(({ verb }) => verb === 'writeFile')).toEqual([]);
});

test('device rules come to a default and exceptions, the last word counting', () => {
  const rule = (allow: boolean, text: string) => {
    const [type, numbers = '*:*', access] = text.split(' ');
    const [major, minor] = numbers.split(':').map((part) => (part === '*' ? undefined : Number(part)));
    return { allow, type, major, minor, access };
  };
  const c13 = { type: 'c' as const, major: 1, minor: 3 };
  expect(readDeviceRules([])).toEqual({ allowByDefault: true, exceptions: [] });
  expect(readDeviceRules([rule(false, 'a'), rule(true, 'c 1:3 rw'), rule(true, 'c 1:3 m')])).toEqual({
    allowByDefault: false,
    exceptions: [{ ...c13, access: 7 }],
  });
  expect(readDeviceRules([rule(false, 'a'), rule(true, 'c 1:3 rwm'), rule(false, 'c 1:3 w')])).toEqual({
    allowByDefault: false,
    exceptions: [{ ...c13, access: 3 }],
  });
  expect(readDeviceRules([rule(true, 'c 1:3'), rule(false, 'a'), rule(true, 'a')])).toEqual({
    allowByDefault: true,
    exceptions: [],
  });
  expect(readDeviceRules([rule(false, 'a 7:*')]).exceptions.map(({ type }) => type)).toEqual(['c', 'b']);
  expect(() => readDeviceRules([rule(true, 'x 1:3')])).toThrow('unknown type "x"');
  expect(() => readDeviceRules([rule(true, 'c 1:3 q')])).toThrow('unknown access "q"');
});

/** Runs the few eBPF instructions that device programs are made of. */
function runDeviceProgram(program: Uint8Array, asked: { type: number; access: number; major: number; minor: number }) {
  const view = new DataView(program.buffer);
  const context = new Map([
    [0, (asked.access << 16) | asked.type],
    [4, asked.major],
    [8, asked.minor],
  ]);
  const registers = new Array<number>(11).fill(0);
  const get = (register: number): number => registers[register] ?? 0;
  for (let at = 0; at < program.length / 8; at++) {
    const code = view.getUint8(at * 8);
    const [dst, src] = [view.getUint8(at * 8 + 1) & 15, view.getUint8(at * 8 + 1) >> 4];
    const offset = view.getInt16(at * 8 + 2, true);
    const immediate = view.getInt32(at * 8 + 4, true);
    if (code === 0x95) return get(0);
    if (code === 0x61) registers[dst] = context.get(offset) ?? 0;
    else if (code === 0x54) registers[dst] = get(dst) & immediate;
    else if (code === 0x74) registers[dst] = get(dst) >>> immediate;
    else if (code === 0xbc) registers[dst] = get(src);
    else if (code === 0xb7) registers[dst] = immediate;
    else if (code === 0x55) at += get(dst) !== immediate ? offset : 0;
    else if (code === 0x5d) at += get(dst) !== get(src) ? offset : 0;
    else if (code === 0x15) at += get(dst) === immediate ? offset : 0;
    else throw new Error(`code ${code}`);
  }
  throw new Error('no exit');
}

test('the eBPF program decides as the rules do, for every kind of question', () => {
  const policies = [
    readDeviceRules([
      { allow: false },
      { allow: true, type: 'c', major: 1, minor: 3, access: 'rw' },
      { allow: true, type: 'b', access: 'm' },
    ]),
    readDeviceRules([
      { allow: true },
      { allow: false, type: 'c', major: 1, access: 'w' },
      { allow: false, type: 'b', major: 8, minor: 0 },
    ]),
    readDeviceRules([{ allow: false }]),
  ];
  for (const policy of policies) {
    const program = compileDeviceProgram(policy);
    for (const [type, letter] of [
      [1, 'b'],
      [2, 'c'],
    ] as const) {
      for (let access = 1; access < 8; access++) {
        for (const [major, minor] of [
          [1, 3],
          [1, 5],
          [8, 0],
          [8, 1],
        ] as const) {
          const hit = policy.exceptions.some(
            (one) =>
              one.type === letter &&
              (one.major ?? major) === major &&
              (one.minor ?? minor) === minor &&
              (policy.allowByDefault ? (one.access & access) !== 0 : (one.access & access) === access),
          );
          const wanted = policy.allowByDefault ? !hit : hit;
          expect(runDeviceProgram(program, { type, access, major, minor })).toBe(wanted ? 1 : 0);
        }
      }
    }
  }
});

test('the files by which a running container is paused and measured', () => {
  expect(cgroupFiles(v1, '/g/c')).toMatchObject({
    procs: '/sys/fs/cgroup/pids/g/c/cgroup.procs',
    freeze: { file: '/sys/fs/cgroup/freezer/g/c/freezer.state', frozen: 'FROZEN', thawed: 'THAWED' },
    oom: '/sys/fs/cgroup/memory/g/c/memory.oom_control',
    cpuacct: '/sys/fs/cgroup/cpu,cpuacct/g/c',
  });
  expect(cgroupFiles(v2, '/g/c')).toMatchObject({
    directories: ['/sys/fs/cgroup/g/c'],
    procs: '/sys/fs/cgroup/g/c/cgroup.procs',
    freeze: { file: '/sys/fs/cgroup/g/c/cgroup.freeze', frozen: '1', thawed: '0' },
    oom: '/sys/fs/cgroup/g/c/memory.events',
    blkio: '/sys/fs/cgroup/g/c',
  });
});
