import { join } from 'node:path';
import { sigkill } from '@gantry/base';
import { openNativeProgram } from '@gantry/native';
import { ensureCgroupParent } from '../cgroup/ensure-parent.ts';
import { probeHostFacts } from '../probe-facts.ts';
import { type Bundle, cgroupParentOf, cgroupPathOf, planBundle, readBundle } from './bundle.ts';
import type { ContainerStore } from './container-store.ts';
import { openDescriptorSocket, sendPidfd } from './descriptor-socket.ts';
import { runInForeground } from './foreground.ts';
import { writePidFile } from './pid-file.ts';
import { checkConsole, handOverConsole } from './relay.ts';
import { type ShimControl, startShim } from './shim-client.ts';

export type LaunchOptions = {
  readonly id: string;
  readonly bundle: string;
  readonly pidFile: string | undefined;
  readonly pidfdSocket: string | undefined;
  readonly consoleSocket: string | undefined;
  /** The words that start `gantry runtime` once more. */
  readonly program: readonly string[];
  /** False: the process keeps the session keyring of whoever starts it. */
  readonly ownKeyring: boolean;
};

type Launched = { readonly control: ShimControl; readonly taskDir: string; readonly terminal: boolean };

const keptLogs = { maxSizeBytes: 0, maxFiles: 1 };

/** `create`: everything up to the exec. What the process then writes is kept in `output.log` of its state directory. */
export async function createContainer(store: ContainerStore, options: LaunchOptions): Promise<number> {
  using _control = (await launch(store, options, true)).control;
  return 0;
}

/** `run`: in the foreground until it ends, or `detach`ed with its output kept as `create` does. @returns exit code */
export async function runContainer(
  store: ContainerStore,
  options: LaunchOptions & { readonly detach: boolean; readonly keep: boolean },
): Promise<number> {
  const { control, taskDir, terminal } = await launch(store, options, options.detach);
  using _control = control;
  if (options.detach) {
    control.start();
    await removeUnless(control.started, store, options.id);
    return 0;
  }
  const exitCode = await removeUnless(runInForeground(control, { taskDir, terminal }), store, options.id);
  await control.gone;
  if (!options.keep) store.remove(options.id);
  return exitCode;
}

async function launch(store: ContainerStore, options: LaunchOptions, logged: boolean): Promise<Launched> {
  const bundle = readBundle(options.bundle);
  const taskDir = store.claim(options.id);
  return removeUnless(launchIn(taskDir, { bundle, store, options, logged }), store, options.id);
}

type LaunchParts = {
  readonly bundle: Bundle;
  readonly store: ContainerStore;
  readonly options: LaunchOptions;
  readonly logged: boolean;
};

async function launchIn(taskDir: string, { bundle, store, options, logged }: LaunchParts): Promise<Launched> {
  const { id, pidFile, ownKeyring } = options;
  using pidfdSocket = openDescriptorSocket(options.pidfdSocket);
  using consoleSocket = openDescriptorSocket(options.consoleSocket);
  const facts = probeHostFacts();
  const log = logged
    ? ({ kind: 'json-file', path: join(taskDir, 'output.log'), ...keptLogs } as const)
    : ({ kind: 'none' } as const);
  const cgroupPath = cgroupPathOf(bundle.spec, id);
  const plan = planBundle(bundle, { id, facts, taskDir, log, ownKeyring });
  checkConsole(consoleSocket, logged && plan.shim.terminal);
  ensureCgroupParent(facts.cgroup, cgroupParentOf(cgroupPath));
  // The copy may go as soon as the shim is running: an executed file needs no name.
  using program = await openNativeProgram();
  await using undo = new AsyncDisposableStack();
  const control = await startShim(program.path, plan);
  const { pid, startTicks } = await control.created;
  undo.defer(async () => {
    control.signal(sigkill, false);
    await control.gone;
  });
  if (consoleSocket !== undefined) await handOverConsole({ socket: consoleSocket, program: options.program }, taskDir);
  sendPidfd(pidfdSocket, pid, 'standard');
  writePidFile(pidFile, pid);
  store.save({
    id,
    bundle: bundle.directory,
    rootfs: bundle.rootfs,
    created: new Date().toISOString(),
    pid,
    startTicks,
    cgroupPath,
    spec: bundle.spec,
  });
  undo.move();
  return { control, taskDir, terminal: plan.shim.terminal };
}

/** A container that could not start leaves no state behind. */
async function removeUnless<T>(work: Promise<T>, store: ContainerStore, id: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    store.remove(id);
    throw error;
  }
}
