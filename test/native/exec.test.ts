import { afterAll, expect, test } from 'bun:test';
import { type Act, frameType } from '@gantry/native';
import { openBench, type TaskOptions } from './fixture.ts';
import type { Task } from './task.ts';

const bench = await openBench();
afterAll(() => bench[Symbol.asyncDispose]());

const joined = 0x20000 | 0x4000000 | 0x8000000 | 0x40000000;

/** An exec's plan: into the namespaces and the cgroup of a running task, with a user of its own. */
function execIn(task: Task, options: TaskOptions): Task {
  const { pid, startTicks } = task.identity();
  const cgroup = task.plan.child.find((act) => act.verb === 'cgroupJoin');
  if (cgroup === undefined) throw new Error('unreachable: no cgroup');
  const end = (acts: Act[]): Act[] => acts.slice(acts.findIndex((act) => act.verb === 'rlimit'));
  const terminal: Act[] = [
    { verb: 'root', path: '/', reg: 7 },
    { verb: 'console', root: 7, rows: 10, columns: 20, bind: 0 },
  ];
  return bench.start({
    ...options,
    changeBeside: () => [],
    changeParent: () => [
      { verb: 'pidfdOpen', pid, startTicks: BigInt(startTicks), reg: 3 },
      { verb: 'setns', reg: 3, flags: 0x20000000 },
      { verb: 'clone', flags: 0n, cgroup: undefined },
    ],
    change: (acts) => [
      { verb: 'awaitBeside' },
      cgroup,
      { verb: 'setsid' },
      { verb: 'setns', reg: 3, flags: joined },
      ...(options.shim?.terminal === true ? terminal : []),
      ...end(acts),
    ],
  });
}

test('an exec sees what its container sees', () => {
  const container = bench.start({ argv: ['sleep', '100'] }).start();
  const inside = execIn(container, { argv: ['sh', '-c', 'hostname; ls /; cat /proc/1/cmdline; ls /proc/self/fd'] });
  expect(inside.run()).toEqual({
    exitCode: 0,
    log: 'box\nbin\ndata\ndev\netc\nproc\nsys\ntmp\nsleep\u0000100\u00000\n1\n2\n3\n',
  });
  const failing = execIn(container, { argv: ['nothing'], startAtOnce: true });
  expect(failing.control.wait(frameType.failed).record).toMatchObject({ step: 'lookup', errno: 2 });
});

test('an exec gets a terminal of its container', () => {
  const container = bench.start({ argv: ['sleep', '100'] }).start();
  const inside = execIn(container, { argv: ['sh', '-c', 'tty; stty size'], shim: { terminal: true } });
  expect(inside.run()).toEqual({ exitCode: 0, log: '/dev/pts/0\r\n10 20\r\n' });
});

test('an exec does not outlive its container', () => {
  const container = bench.start({ argv: ['sleep', '100'] }).start();
  const inside = execIn(container, { argv: ['sleep', '100'] }).start();
  container.kill();
  expect(inside.exit()).toMatchObject({ exitCode: 137, signal: 9 });
});
