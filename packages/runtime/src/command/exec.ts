import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '@gantry/base';
import { openNativeProgram } from '@gantry/native';
import type { RuntimeSpec } from '@gantry/oci';
import { compileExec } from '../compile-exec.ts';
import type { ExecProcess } from '../context.ts';
import { namespaceMode } from '../namespaces.ts';
import { probeHostFacts } from '../probe-facts.ts';
import { type ContainerStore, statusOf } from './container-store.ts';
import { runInForeground } from './foreground.ts';
import { startShim } from './shim-client.ts';

export type ExecOptions = {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string | undefined;
  /** `uid[:gid]`, or any text that Docker takes. */
  readonly user: string | undefined;
  readonly groups: readonly string[];
  readonly capabilities: readonly string[];
  readonly terminal: boolean;
  readonly noNewPrivileges: boolean;
  /** In a paused container it starts, and waits for resume. */
  readonly ignorePaused: boolean;
  readonly detach: boolean;
  readonly pidFile: string | undefined;
};

/** `exec`: a second process with the first one's confinement. @returns its exit code, 0 when detached */
export async function execInContainer(store: ContainerStore, id: string, options: ExecOptions): Promise<number> {
  const container = store.get(id);
  const facts = probeHostFacts();
  const status = statusOf(container, store.directory(id), facts.cgroup);
  if (status === 'paused' && !options.ignorePaused) {
    throw new EngineError('conflict', `cannot exec in container "${id}": it is paused`, {
      hint: 'exec --ignore-paused, or resume it first',
    });
  }
  if (status === 'stopped') throw new EngineError('conflict', `cannot exec in container "${id}": it is stopped`);
  const taskDir = mkdtempSync(join(store.directory(id), 'exec-'));
  const { linux } = container.spec;
  const plan = compileExec(execProcess(container.spec, options), facts, {
    pid: container.pid,
    startTicks: BigInt(container.startTicks),
    ownPidNamespace: namespaceMode(linux, 'pid') !== 'host',
    cgroupPath: container.cgroupPath,
    shim: {
      taskDir,
      exitRecord: join(taskDir, 'exit'),
      log: { kind: 'none' },
      openStdin: !options.detach,
      stdinOnce: true,
    },
  });
  using program = await openNativeProgram();
  try {
    using control = await startShim(program.path, plan);
    const { pid } = await control.created;
    if (options.pidFile !== undefined) writeFileSync(options.pidFile, String(pid));
    if (!options.detach) return await runInForeground(control, { taskDir, terminal: options.terminal });
    control.start();
    await control.started;
    return 0;
  } finally {
    // A detached shim keeps its record here until the container is deleted.
    if (!options.detach) rmSync(taskDir, { recursive: true, force: true });
  }
}

function execProcess(spec: RuntimeSpec, options: ExecOptions): ExecProcess {
  const { process, linux } = spec;
  const own = process?.capabilities ?? {};
  const added = options.capabilities;
  return {
    args: options.args,
    env: [...(process?.env ?? []), ...options.env],
    cwd: options.cwd ?? process?.cwd ?? '/',
    user: { spec: options.user ?? containerUser(spec), groups: options.groups },
    terminal: options.terminal,
    capabilities: {
      ...own,
      bounding: [...(own.bounding ?? []), ...added],
      effective: [...(own.effective ?? []), ...added],
      permitted: [...(own.permitted ?? []), ...added],
    },
    seccomp: linux?.seccomp,
    noNewPrivileges: options.noNewPrivileges || process?.noNewPrivileges === true,
    rlimits: process?.rlimits ?? [],
    ...(process?.oomScoreAdj === undefined ? {} : { oomScoreAdj: process.oomScoreAdj }),
    ...(process?.apparmorProfile === undefined ? {} : { apparmorProfile: process.apparmorProfile }),
    ...(process?.selinuxLabel === undefined ? {} : { selinuxLabel: process.selinuxLabel }),
    createWorkingDir: false,
  };
}

/** The exec runs as the container's own user unless told otherwise. */
function containerUser({ process }: RuntimeSpec): string {
  const { uid = 0, gid = 0 } = process?.user ?? {};
  return `${uid}:${gid}`;
}
