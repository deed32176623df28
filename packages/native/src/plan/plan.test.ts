import { expect, test } from 'bun:test';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Act } from '../verbs.ts';
import { checkPlan } from './check.ts';
import { encodePlan } from './encode.ts';
import { formatPlan } from './format.ts';
import type { Plan } from './plan.ts';

const own = 0x20000n | 0x4000000n | 0x8000000n | 0x20000000n | 0x40000000n;
const defaultCapabilities = 0xa80425fbn;

const child: readonly Act[] = [
  { verb: 'setsid' },
  { verb: 'awaitBeside' },
  { verb: 'cgroupJoin', path: '/sys/fs/cgroup/pids/gantry/a/tasks' },
  { verb: 'unshare', flags: 0x2000000 },
  { verb: 'propagation', path: '/', flags: 0x84000n },
  {
    verb: 'mountHost',
    cwd: '/var/lib/gantry',
    source: 'overlay',
    target: '/run/gantry/root',
    fstype: 'overlay',
    flags: 0n,
    data: 'lowerdir=a:b,upperdir=c,workdir=d',
  },
  { verb: 'root', path: '/run/gantry/root', reg: 1 },
  { verb: 'mountFs', root: 1, target: '/proc', fstype: 'proc', source: 'proc', attrs: 0xen, options: [] },
  {
    verb: 'mountBind',
    root: 1,
    source: '/srv/my data',
    subpath: '',
    target: '/data',
    recursive: 3,
    attrSet: 1n,
    attrClear: 0n,
    propagation: 0x40000n,
  },
  { verb: 'mknod', root: 1, path: '/dev/null', mode: 0o20666, major: 1, minor: 3, uid: 0, gid: 0 },
  { verb: 'console', root: 1, rows: 24, columns: 80, bind: 1 },
  { verb: 'sysctl', root: 1, key: 'net/ipv4/conf/eth0.1/forwarding', value: '1' },
  { verb: 'maskPath', root: 1, path: '/proc/kcore' },
  { verb: 'readonlyPath', root: 1, path: '/proc/sys' },
  { verb: 'pivotRoot', root: 1 },
  { verb: 'hostname', name: 'web' },
  { verb: 'rlimit', resource: 7, soft: 1024n, hard: 2n ** 64n - 1n },
  { verb: 'boundingSet', mask: defaultCapabilities },
  { verb: 'userLookup', spec: 'www-data', groups: ['video'] },
  { verb: 'capabilities', effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n },
  { verb: 'noNewPrivileges' },
  { verb: 'chdir', path: '/srv', create: 1 },
  { verb: 'ready' },
  { verb: 'seccomp', program: new Uint8Array(16), flags: 4 },
  { verb: 'exec', argv: ['sh', '-c', 'echo "hi"'], env: ['PATH=/bin'] },
];

const plan: Plan = {
  shim: {
    taskDir: '/run/gantry/tasks/a',
    exitRecord: '/run/gantry/tasks/a/exit',
    log: { kind: 'json-file', path: '/var/lib/gantry/a-json.log', maxSizeBytes: 0, maxFiles: 1 },
    terminal: false,
    openStdin: true,
    stdinOnce: true,
    oomFile: '/sys/fs/cgroup/memory/gantry/a/memory.oom_control',
    killProcsFile: '',
  },
  parent: [
    { verb: 'open', path: '/proc/1/ns/net', flags: 0, reg: 0 },
    { verb: 'clone', flags: own, cgroup: undefined },
  ],
  beside: [
    { verb: 'cgroupMake', path: '/sys/fs/cgroup/pids/gantry/a', mode: 0o755 },
    { verb: 'writeFile', path: '/sys/fs/cgroup/pids/gantry/a/pids.max', data: new TextEncoder().encode('100\n') },
  ],
  child,
};

const withChild = (acts: readonly Act[]): Plan => ({ ...plan, child: acts });
const without = (verb: Act['verb']): Plan => withChild(child.filter((act) => act.verb !== verb));

/** The same child with one act taken out and put back before another one. */
function moved(verb: Act['verb'], before: Act['verb']): Plan {
  const act = child.find((candidate) => candidate.verb === verb)!;
  const rest = child.filter((candidate) => candidate !== act);
  const at = rest.findIndex((candidate) => candidate.verb === before);
  return withChild([...rest.slice(0, at), act, ...rest.slice(at)]);
}

const withSysctl = (key: string): Plan => {
  const at = child.findIndex((act) => act.verb === 'maskPath');
  return withChild([...child.slice(0, at), { verb: 'sysctl', root: 1, key, value: '1' }, ...child.slice(at)]);
};

function golden(name: string, text: string): void {
  const path = join(import.meta.dir, '__golden__', name);
  if (process.env.GOLDEN === 'update' || !existsSync(path)) writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, 'utf8'));
}

test('a plan prints one act a line with its flags by name', () => golden('plan.txt', formatPlan(plan)));

test('a good plan has no problems', () => expect(checkPlan(plan)).toEqual([]));

test('a tree may be borrowed from another mount namespace, and nothing else may happen there', () => {
  const flags = 0x20000;
  const visit = (...between: Act[]): Plan => ({
    ...plan,
    child: [
      { verb: 'open', path: '/proc/self/ns/mnt', flags: 0, reg: 20 },
      { verb: 'setns', reg: 0, flags },
      ...between,
      { verb: 'setns', reg: 20, flags },
      ...child,
    ],
  });
  const borrow: Act = { verb: 'openTree', source: '/dev/shm', subpath: '', recursive: 0, reg: 21 };
  expect(checkPlan(visit(borrow))).toEqual([]);
  expect(checkPlan(visit(borrow, { verb: 'oomScoreAdj', value: '0' }))).not.toEqual([]);
  expect(checkPlan(visit({ verb: 'oomScoreAdj', value: '0' }))).not.toEqual([]);
});

test('a plan that lost or misplaced something that protects is refused', () => {
  const problems = [
    without('pivotRoot'),
    without('propagation'),
    without('boundingSet'),
    without('capabilities'),
    without('userLookup'),
    without('noNewPrivileges'),
    moved('propagation', 'maskPath'),
    moved('maskPath', 'mountBind'),
    moved('userLookup', 'boundingSet'),
    moved('capabilities', 'userLookup'),
    moved('chdir', 'pivotRoot'),
    moved('seccomp', 'cgroupJoin'),
    moved('cgroupJoin', 'propagation'),
    moved('hostname', 'capabilities'),
    moved('readonlyPath', 'hostname'),
    withChild([...child, { verb: 'setsid' }]),
    withChild([{ verb: 'root', path: '/', reg: 0 }, ...child]),
    withChild([{ verb: 'mkdir', root: 0, path: '/x', mode: 0o755, uid: 0, gid: 0 }, ...child]),
    withChild([{ verb: 'pivotRoot', root: 9 }, ...child]),
    moved('console', 'setsid'),
    withSysctl('net/ipv4/../../kernel/panic'),
    withSysctl('net..ipv4'),
    withSysctl('/proc/sysrq-trigger'),
    { ...plan, parent: [...plan.parent, { verb: 'setsid' }] } satisfies Plan,
    { ...plan, parent: [{ verb: 'clone', flags: 0n, cgroup: undefined }] } satisfies Plan,
    { ...plan, beside: [{ verb: 'setns', reg: 0, flags: 0 }] } satisfies Plan,
    { ...plan, beside: [{ verb: 'hostname', name: 'x' }] } satisfies Plan,
    { ...plan, beside: [{ verb: 'open', path: '/x', flags: 0, reg: 0 }] } satisfies Plan,
    without('awaitBeside'),
    moved('cgroupJoin', 'awaitBeside'),
    moved('pivotRoot', 'cgroupJoin'),
  ].map((broken) => checkPlan(broken));
  expect(problems.filter((list) => list.length === 0)).toEqual([]);
  golden('problems.txt', `${problems.map((list) => list.join('\n')).join('\n\n')}\n`);
});

test('a plan with a problem has no encoding', () =>
  expect(() => encodePlan(without('boundingSet'))).toThrow('boundingSet'));

test('a value that would be cut on the wire is refused', () => {
  expect(() => encodePlan(withChild([{ verb: 'hostname', name: 'a\0b' }, ...child]))).toThrow('hostname');
  expect(() => encodePlan(withChild([{ verb: 'umask', mask: -1 }, ...child]))).toThrow('umask');
});

test('the encoding starts with magic, version, its own length and the counts of acts', () => {
  const bytes = encodePlan(plan);
  const view = new DataView(bytes.buffer);
  expect([0, 4, 8, 12, 16, 20].map((at) => view.getUint32(at, true))).toEqual([
    0x4e4c5047,
    2,
    bytes.length,
    plan.parent.length,
    plan.beside.length,
    child.length,
  ]);
  golden('encoded.txt', `${bytes.toHex().replaceAll(/.{64}/g, '$&\n')}\n`);
});
