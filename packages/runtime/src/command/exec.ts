import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, sigkill } from '@gantry/base';
import { openNativeProgram } from '@gantry/native';
import { cgroupDirectories } from '../cgroup/layout.ts';
import { compileExec } from '../compile-exec.ts';
import type { CgroupLayout } from '../facts.ts';
import { namespaceMode } from '../namespaces.ts';
import { probeHostFacts } from '../probe-facts.ts';
import { type ContainerStore, type StoredContainer, statusOf } from './container-store.ts';
import { openDescriptorSocket, sendPidfd } from './descriptor-socket.ts';
import { composeExecProcess, type ExecRequest } from './exec-process.ts';
import { runInForeground } from './foreground.ts';
import { writePidFile } from './pid-file.ts';
import { checkConsole, handOverConsole } from './relay.ts';
import { startShim } from './shim-client.ts';

export type ExecOptions = {
  readonly request: ExecRequest;
  /** In a paused container it starts, and waits for resume. */
  readonly ignorePaused: boolean;
  readonly detach: boolean;
  readonly pidFile: string | undefined;
  readonly pidfdSocket: string | undefined;
  readonly consoleSocket: string | undefined;
  /** The words that start `gantry runtime` once more. */
  readonly program: readonly string[];
  /** A cgroup below the container's own. */
  readonly cgroup: string | undefined;
};

/** `exec`: a second process with the first one's confinement. @returns its exit code, 0 when detached */
export async function execInContainer(store: ContainerStore, id: string, options: ExecOptions): Promise<number> {
  const container = store.get(id);
  const facts = probeHostFacts();
  checkStatus(container, statusOf(container, store.directory(id), facts.cgroup), options.ignorePaused);
  const cgroupPath = cgroupOf(container, options.cgroup, facts.cgroup);
  using pidfdSocket = openDescriptorSocket(options.pidfdSocket);
  using consoleSocket = openDescriptorSocket(options.consoleSocket);
  using undo = new DisposableStack();
  const taskDir = mkdtempSync(join(store.directory(id), 'exec-'));
  undo.defer(() => rmSync(taskDir, { recursive: true, force: true }));
  const plan = compileExec(composeExecProcess(container.spec, options.request), facts, {
    pid: container.pid,
    startTicks: BigInt(container.startTicks),
    ownPidNamespace: namespaceMode(container.spec.linux, 'pid') !== 'host',
    cgroupPath,
    shim: {
      taskDir,
      exitRecord: join(taskDir, 'exit'),
      log: { kind: 'none' },
      openStdin: !options.detach || options.consoleSocket !== undefined,
      stdinOnce: true,
    },
  });
  checkConsole(consoleSocket, options.detach && plan.shim.terminal);
  using program = await openNativeProgram();
  using control = await startShim(program.path, plan);
  const { pid } = await control.created;
  await using begun = new AsyncDisposableStack();
  begun.defer(async () => {
    control.signal(sigkill, false);
    await control.gone;
  });
  if (consoleSocket !== undefined) await handOverConsole({ socket: consoleSocket, program: options.program }, taskDir);
  sendPidfd(pidfdSocket, pid, 'setns');
  writePidFile(options.pidFile, pid);
  begun.move();
  if (!options.detach) return await runInForeground(control, { taskDir, terminal: plan.shim.terminal });
  control.start();
  await control.started;
  // A detached shim keeps its record here until the container is deleted.
  undo.move();
  return 0;
}

function checkStatus({ id }: StoredContainer, status: ReturnType<typeof statusOf>, ignorePaused: boolean): void {
  if (status === 'paused' && !ignorePaused) {
    throw new EngineError('conflict', `cannot exec in container "${id}": it is paused`, {
      hint: 'exec --ignore-paused, or resume it first',
    });
  }
  if (status === 'stopped') throw new EngineError('conflict', `cannot exec in container "${id}": it is stopped`);
}

/** @throws invalid for a path that leads elsewhere, not-found when there is no such cgroup */
function cgroupOf({ id, cgroupPath }: StoredContainer, below: string | undefined, layout: CgroupLayout): string {
  if (below === undefined) return cgroupPath;
  if (below.includes(':')) {
    throw new EngineError('unsupported', `cannot exec in cgroup "${below}": one path for all controllers is built`);
  }
  const parts = below.split('/').filter((part) => part !== '');
  if (parts.includes('..')) throw new EngineError('invalid', `cannot exec in cgroup "${below}": it leads elsewhere`);
  const path = [cgroupPath, ...parts].join('/');
  if (!cgroupDirectories(layout, path).every((directory) => existsSync(directory))) {
    throw new EngineError('not-found', `cannot exec in cgroup "${below}": container "${id}" has no such cgroup`);
  }
  return path;
}
