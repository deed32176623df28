import { expect, test } from 'bun:test';
import { checkPlan, formatPlan } from '@gantry/native';
import { defaultCapabilities } from './capabilities.ts';
import { compileExec } from './compile-exec.ts';
import type { ExecProcess, ExecTarget } from './context.ts';
import { compileContext, expectGolden, hostFacts, v1 } from './fixture.ts';

const command: ExecProcess = {
  args: ['id'],
  env: ['PATH=/bin'],
  cwd: '/',
  user: { spec: 'www-data', groups: [] },
  terminal: false,
  capabilities: { bounding: defaultCapabilities, effective: defaultCapabilities, permitted: defaultCapabilities },
  seccomp: { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }] },
  noNewPrivileges: false,
  rlimits: [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 64 }],
  createWorkingDir: false,
};

const target: ExecTarget = {
  pid: 4711,
  startTicks: 99n,
  ownPidNamespace: true,
  cgroupPath: '/gantry/abc',
  shim: compileContext().shim,
};

test('an exec enters the container by one descriptor and is confined like its init', () => {
  const plan = compileExec(command, hostFacts(), target);
  expect(checkPlan(plan)).toEqual([]);
  expectGolden(import.meta.dir, 'exec', formatPlan(plan));
});

test('an exec with a terminal on cgroup v1, with the host PID namespace', () => {
  const terminal = { ...command, terminal: true, consoleSize: { rows: 24, columns: 80 }, noNewPrivileges: true };
  const plan = compileExec(terminal, hostFacts({ cgroup: v1 }), { ...target, ownPidNamespace: false });
  expect(checkPlan(plan)).toEqual([]);
  expectGolden(import.meta.dir, 'exec-terminal', formatPlan(plan));
});

test('an exec without a command is refused with the text that Docker uses', () =>
  expect(() => compileExec({ ...command, args: [] }, hostFacts(), target)).toThrow('No exec command specified'));
