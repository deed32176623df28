import { EngineError } from '@gantry/base';
import type { Act, Plan } from '@gantry/native';
import { enterCgroup } from './cgroup/compile.ts';
import { cgroupFiles } from './cgroup/layout.ts';
import type { ExecProcess, ExecTarget } from './context.ts';
import type { HostFacts } from './facts.ts';
import { cloneFlag } from './namespaces.ts';
import { confine, defaultUmask } from './process.ts';
import { openRegisters } from './registers.ts';
import { rlimitActs } from './rlimits.ts';
import { labelActs } from './security-label.ts';

/**
 * Compiles the plan of a second process in a running container.
 *
 * The container is named by a pidfd taken against its start time, so a reused PID is never joined, and all namespaces
 * come from that one descriptor: nothing of the container's own /proc is read. The PID namespace takes hold for
 * children, so it is the parent half that enters it.
 *
 * SAFETY: everything that needs the host's /proc (cgroup files, the score for the OOM killer, the label's descriptor)
 * happens before the child enters the container's mount namespace (CVE-2016-9962, CVE-2025-52881).
 *
 * @throws invalid, unsupported
 */
export function compileExec(process: ExecProcess, facts: HostFacts, target: ExecTarget): Plan {
  if (process.args.length === 0) throw new EngineError('invalid', 'No exec command specified');
  const registers = openRegisters();
  const root = registers.next();
  const container = registers.next();
  const cgroup = enterCgroup({ facts, cgroupPath: target.cgroupPath }, registers);
  const label = labelActs(process, facts, registers);
  const { rows = 0, columns = 0 } = process.consoleSize ?? {};
  return {
    shim: {
      ...target.shim,
      terminal: process.terminal,
      oomFile: cgroupFiles(facts.cgroup, target.cgroupPath).oom ?? '',
      killProcsFile: '',
    },
    parent: [
      ...cgroup.parent,
      { verb: 'pidfdOpen', pid: target.pid, startTicks: target.startTicks, reg: container },
      ...(target.ownPidNamespace ? [setns(container, cloneFlag.pid)] : []),
      { verb: 'clone', flags: 0n, cgroup: cgroup.cloneInto },
    ],
    beside: [],
    child: [
      { verb: 'awaitBeside' },
      ...cgroup.join,
      { verb: 'setsid' },
      ...(process.oomScoreAdj === undefined
        ? []
        : [{ verb: 'oomScoreAdj', value: String(process.oomScoreAdj) } as const]),
      ...label.open,
      setns(container, othersOf(facts)),
      { verb: 'root', path: '/', reg: root },
      ...(process.terminal ? [{ verb: 'console', root, rows, columns, bind: 0 } as const] : []),
      ...rlimitActs(process.rlimits, facts),
      { verb: 'umask', mask: process.umask ?? defaultUmask },
      ...label.write,
      ...confine({
        facts,
        user: process.user,
        capabilities: process.capabilities,
        noNewPrivileges: process.noNewPrivileges,
        seccomp: process.seccomp,
        cwd: process.cwd,
        createWorkingDir: process.createWorkingDir,
        args: process.args,
        env: process.env,
      }),
    ],
  };
}

// Entering a namespace one is in already does nothing, so host namespaces need no word.
function othersOf(facts: HostFacts): bigint {
  const { mount, uts, ipc, network, cgroup, time } = cloneFlag;
  return mount | uts | ipc | network | cgroup | (facts.timeNamespace ? time : 0n);
}

const setns = (reg: number, flags: bigint): Act => ({ verb: 'setns', reg, flags: Number(flags) });
