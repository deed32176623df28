import { afterAll, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Act, frameType, openFlag } from '@gantry/native';
import { before, namespaceFlags, openBench, type TaskOptions } from './fixture.ts';

const bench = await openBench();
afterAll(() => bench[Symbol.asyncDispose]());

const sh = (script: string, options: TaskOptions = {}): string =>
  bench.start({ argv: ['sh', '-c', script], ...options }).run().log;

const having = (verb: Act['verb'], ...acts: Act[]): TaskOptions => ({ change: before(verb, ...acts) });

test('the process has the limits, priorities and names of its plan', () => {
  const log = sh(
    'cat /proc/self/oom_score_adj; umask; grep Cpus_allowed: /proc/self/status; cat /proc/sys/kernel/domainname; cat /proc/self/personality',
    having(
      'propagation',
      { verb: 'oomScoreAdj', value: '123' },
      { verb: 'domainname', name: 'example' },
      { verb: 'umask', mask: 0o27 },
      { verb: 'affinity', mask: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) },
      { verb: 'personality', persona: 0x0040000n },
      { verb: 'keyring', name: '_ses.box' },
      { verb: 'ioPriority', value: (2 << 13) | 5 },
      { verb: 'scheduler', attributes: scheduling({ policy: 3, nice: 0 }) },
    ),
  );
  expect(log).toBe('123\n0027\nCpus_allowed:\t1\nexample\n00040000\n');
});

/** struct sched_attr of its first size. */
function scheduling(wanted: { policy: number; nice: number }): Uint8Array {
  const view = new DataView(new ArrayBuffer(48));
  view.setUint32(0, 48, true);
  view.setUint32(4, wanted.policy, true);
  view.setInt32(16, wanted.nice, true);
  return new Uint8Array(view.buffer);
}

test("a sysctl is set in the container's own namespaces, and an unknown one is refused", () => {
  const sysctl = (key: string): Act => ({ verb: 'sysctl', root: 1, key, value: '1' });
  expect(sh('cat /proc/sys/net/ipv4/ip_forward', having('maskPath', sysctl('net/ipv4/ip_forward')))).toBe('1\n');
  const task = bench.start({ startAtOnce: true, ...having('maskPath', sysctl('no/such/key')) });
  expect(task.control.wait(frameType.failed, frameType.started).record).toMatchObject({ step: 'key' });
});

test('netlink messages are sent inside the new network namespace', () => {
  // RTM_NEWLINK of loopback with IFF_UP.
  const message = new DataView(new ArrayBuffer(32));
  message.setUint32(0, 32, true);
  message.setUint16(4, 16, true);
  message.setUint16(6, 5, true);
  message.setInt32(20, 1, true);
  message.setUint32(24, 1, true);
  message.setUint32(28, 1, true);
  const up = new Uint8Array(message.buffer);
  const socket: Act = { verb: 'netlinkSocket', family: 0, reg: 9 };
  const send = (messages: Uint8Array): Act => ({
    verb: 'netlink',
    socket: 9,
    messages,
    patchOffsets: new Uint8Array(),
    patchReg: undefined,
  });
  expect(sh('cat /sys/class/net/lo/flags', having('hostname'))).toBe('0x8\n');
  expect(sh('cat /sys/class/net/lo/flags', having('hostname', socket, send(up)))).toBe('0x9\n');
  const nobody = Uint8Array.from(up);
  nobody[20] = 99;
  const task = bench.start({ startAtOnce: true, ...having('hostname', socket, send(nobody)) });
  expect(task.control.wait(frameType.failed, frameType.started).record).toMatchObject({
    part: 'child',
    step: 'netlink',
    errno: 19,
  });
});

/** A filter under which one system call fails with EPERM and all others are allowed. */
function refusing(systemCall: number): Act {
  const instruction = (code: number, jumpTrue: number, value: number): number[] => [
    code & 0xff,
    code >> 8,
    jumpTrue,
    0,
    value & 0xff,
    (value >> 8) & 0xff,
    (value >> 16) & 0xff,
    value >>> 24,
  ];
  const program = Uint8Array.from([
    ...instruction(0x20, 0, 0),
    ...instruction(0x15, 1, systemCall),
    ...instruction(0x06, 0, 0x7fff0000),
    ...instruction(0x06, 0, 0x00050001),
  ]);
  return { verb: 'seccomp', program, flags: 0 };
}

test('seccomp refuses what its program refuses', () => {
  const uname = 63;
  expect(sh('hostname; grep Seccomp: /proc/self/status', having('exec', refusing(uname)))).toBe('?\nSeccomp:\t2\n');
});

test('no open directory names the program, also when seccomp refuses close_range (CVE-2024-21626)', () => {
  const closeRange = 436;
  const held: Act = { verb: 'open', path: bench.image, flags: openFlag.path, reg: 8 };
  for (let fd = 3; fd < 64; fd++) {
    const options: TaskOptions = {
      argv: [`/proc/self/fd/${fd}/bin/busybox`, 'true'],
      // Without no-new-privileges the filter comes before the user: the exec cannot close anything then.
      change: (acts) =>
        before(
          'boundingSet',
          refusing(closeRange),
        )(before('hostname', held)(acts.filter((act) => act.verb !== 'noNewPrivileges'))),
      startAtOnce: true,
    };
    const { record } = bench.start(options).control.wait(frameType.failed, frameType.started);
    expect(record).toMatchObject({ step: 'execve' });
    // The one descriptor that is left tells the shim of the exec, and is no directory.
    expect(record.errno).toBe(fd === 3 ? 20 : 2);
  }
});

test('binds have their own attributes, and a read-only root refuses writes but not its mounts', () => {
  const source = join(bench.dir, 'bound');
  mkdirSync(join(source, 'inner'), { recursive: true });
  writeFileSync(join(source, 'inner/file'), 'inside\n');
  const log = sh(
    'exec 2>&1; cat /ro/file; touch /ro/x; touch /rw/x && echo written; touch /x; touch /dev/x; grep -E " /(ro|rw) " /proc/self/mountinfo | cut -d" " -f5-6',
    {
      change: (acts) =>
        before('rlimit', { verb: 'rootAttrs', attrSet: 1n, propagation: 0n })(
          before(
            'maskPath',
            {
              verb: 'mountBind',
              root: 1,
              source,
              subpath: 'inner',
              target: '/ro',
              recursive: 3,
              attrSet: 0x9n,
              attrClear: 0n,
              propagation: 0x40000n,
            },
            {
              verb: 'attachTree',
              tree: 8,
              root: 1,
              target: '/rw',
              recursive: 0,
              attrSet: 0x4n,
              attrClear: 0n,
              propagation: 0n,
            },
            { verb: 'mountAttrs', root: 1, target: '/dev', attrSet: 1n, attrClear: 0n },
          )(before('propagation', { verb: 'openTree', source, subpath: '', recursive: 1, reg: 8 })(acts)),
        ),
    },
  );
  expect(log).toBe(
    'inside\ntouch: /ro/x: Read-only file system\nwritten\ntouch: /x: Read-only file system\ntouch: /dev/x: Read-only file system\n' +
      '/rw rw,nodev,relatime\n/ro ro,noexec,relatime\n',
  );
});

test('a subpath of a bind does not leave its source', () => {
  const source = join(bench.dir, 'jail');
  mkdirSync(source);
  const task = bench.start({
    startAtOnce: true,
    ...having('maskPath', {
      verb: 'mountBind',
      root: 1,
      source,
      subpath: '../../../etc',
      target: '/leak',
      recursive: 0,
      attrSet: 0n,
      attrClear: 0n,
      propagation: 0n,
    }),
  });
  expect(task.control.wait(frameType.failed, frameType.started).record).toMatchObject({ step: 'source', errno: 2 });
});

const unified = '/sys/fs/cgroup/unified';

/** A child that is born in a group of the version 2 hierarchy, with a device program on it. */
function inUnified(program: readonly number[]): TaskOptions {
  const path = `${unified}/gantry-native-${process.pid}-${bench.started}`;
  return {
    changeParent: () => [
      { verb: 'cgroupMake', path, mode: 0o755 },
      { verb: 'open', path, flags: 0, reg: 0 },
      { verb: 'bpfDevices', cgroup: 0, program: Uint8Array.from(program) },
      { verb: 'clone', flags: namespaceFlags, cgroup: 0 },
    ],
    changeBeside: () => [],
    change: (acts) => acts.filter((act) => act.verb !== 'cgroupJoin' && act.verb !== 'maskPath'),
  };
}

test('a child is born in its version 2 cgroup, whose device program is obeyed', () => {
  const answer = (allowed: number): number[] => [0xb7, 0, 0, 0, allowed, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
  const script = 'grep ^0:: /proc/self/cgroup; cat /dev/null && echo open';
  expect(sh(script, inUnified(answer(1)))).toBe('0::/\nopen\n');
  const task = bench.start({ startAtOnce: true, ...inUnified(answer(0)) });
  expect(task.control.wait(frameType.failed, frameType.started).record).toMatchObject({ step: 'mknod', errno: 1 });
});
