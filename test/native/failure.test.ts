import { afterAll, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Act, frameType } from '@gantry/native';
import { hostState, openBench, type TaskOptions } from './fixture.ts';

const bench = await openBench();
afterAll(() => bench[Symbol.asyncDispose]());

async function failureOf(options: TaskOptions): Promise<Record<string, unknown>> {
  const task = bench.start({ startAtOnce: true, ...options });
  const { record } = task.control.wait(frameType.failed, frameType.started);
  await task.process.exited;
  expect(existsSync(join(task.plan.shim.taskDir, 'shim.sock'))).toBe(false);
  expect(existsSync(task.plan.shim.exitRecord)).toBe(false);
  return record;
}

/** Each act of a child, spoilt so that the kernel refuses it. */
function spoilt(act: Act): Act | undefined {
  switch (act.verb) {
    case 'mountHost':
      return { ...act, data: 'lowerdir=nowhere' };
    case 'root':
      return { ...act, path: '/nowhere' };
    case 'mountFs':
      return { ...act, options: ['no-such-option=1'] };
    case 'mknod':
      return { ...act, path: '/bin/busybox/null' };
    case 'symlink':
      return { ...act, path: '/bin/busybox/link' };
    case 'hostname':
      return { ...act, name: 'x'.repeat(65) };
    case 'rlimit':
      return { ...act, resource: 99 };
    case 'user':
      return { ...act, uid: 2 ** 31 };
    case 'capabilities':
      return { ...act, effective: 2n ** 41n, permitted: 2n ** 40n - 1n };
    case 'chdir':
      return { ...act, path: '/nowhere' };
    case 'setsid':
      return { verb: 'affinity', mask: new Uint8Array(8) };
    case 'unshare':
      return { ...act, flags: 1 };
    case 'cgroupJoin':
      return { ...act, path: '/nowhere/tasks' };
    case 'propagation':
      return { ...act, flags: 0x44001n };
    case 'exec':
      return { ...act, argv: ['/nowhere'] };
    default:
      return undefined;
  }
}

test('a failure at any act names it and leaves nothing behind', async () => {
  const planned = bench.start({ startAtOnce: true });
  planned.exit();
  await planned.process.exited;
  const clean = { mounts: 0, cgroups: [], shims: 0 };
  expect(hostState(bench)).toEqual(clean);
  const tried: string[] = [];
  for (const [index, act] of planned.plan.child.entries()) {
    const bad = spoilt(act);
    if (bad === undefined) continue;
    const record = await failureOf({ change: (acts) => acts.map((other, at) => (at === index ? bad : other)) });
    expect({ act: bad.verb, part: record.part, index: record.index }).toEqual({ act: bad.verb, part: 'child', index });
    expect(hostState(bench)).toEqual(clean);
    tried.push(act.verb);
  }
  expect(tried.length).toBeGreaterThan(18);
});

test('a failure beside the child takes it and the cgroups made so far back', async () => {
  const record = await failureOf({
    changeBeside: (acts) => [
      ...acts,
      { verb: 'cgroupMake', path: `${bench.cgroup}/deep/er/group`, mode: 0o755 },
      { verb: 'writeFile', path: `${bench.cgroup}/deep/er/group/pids.max`, data: new TextEncoder().encode('many') },
    ],
  });
  expect(record).toMatchObject({ part: 'beside', index: 2, step: 'write_file', errno: 22 });
  expect(existsSync(`${bench.cgroup}/deep/er/group`)).toBe(false);
});

test('a failure of the child while the shim works beside is told', async () => {
  const busy: Act[] = Array.from({ length: 30 }, (_, index) => ({
    verb: 'cgroupMake',
    path: `${bench.cgroup}/busy/${index}`,
    mode: 0o755,
  }));
  const record = await failureOf({
    changeBeside: () => busy,
    change: (acts) => [{ verb: 'propagation', path: '/nowhere', flags: 0x44000n }, ...acts],
  });
  expect(record).toMatchObject({ part: 'child', index: 0, step: 'propagation', errno: 2 });
  expect(existsSync(`${bench.cgroup}/busy/0`)).toBe(false);
});

test("a log that cannot be opened is the shim's own failure", async () => {
  const log = { kind: 'json-file', path: '/nowhere/log', maxSizeBytes: 0, maxFiles: 1 } as const;
  expect(await failureOf({ shim: { log } })).toEqual({ part: 'shim', index: 0, step: 'log', errno: 2 });
});

test('a PID that was used again is not joined', async () => {
  const record = await failureOf({
    changeParent: (acts) => [
      ...acts.slice(0, -1),
      { verb: 'pidfdOpen', pid: process.pid, startTicks: 1n, reg: 5 },
      ...acts.slice(-1),
    ],
  });
  expect(record).toMatchObject({ part: 'parent', step: 'another process', errno: 3 });
});
