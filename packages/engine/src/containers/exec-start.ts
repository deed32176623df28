import { join } from 'node:path';
import { EngineError, messageOf, sigkill } from '@gantry/base';
import { compileExec, processRuns } from '@gantry/runtime';
import type { ClientStream, ExecRecord } from '../engine.ts';
import { type CreatedTask, startFailureCode, type Task } from '../tasks/index.ts';
import { capabilitiesOf, seccompOf } from './compose-config.ts';
import { composeEnvironment } from './compose-environment.ts';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { defaultDetachKeys, parseDetachKeys } from './detach-keys.ts';
import { taskOf } from './hang.ts';
import { joinStreams } from './join-streams.ts';
import { cgroupPathOf } from './resolve-start.ts';
import { parseSecurityOptions } from './security-options.ts';
import type { ContainerRecord } from './types.ts';

export type ExecStartOptions = {
  readonly tty: boolean;
  readonly consoleSize: readonly [rows: number, columns: number] | undefined;
};

/**
 * Runs a noted exec. Without a client it resolves once the command runs; with one, when the stream has ended, the client
 * is gone or it detached.
 *
 * @param over kills the command, also one that is still being made
 * @throws with Docker's texts; a command that cannot run leaves exit code 126 or 127 in the exec's inspect
 */
export async function startExec(
  deps: ContainerDeps,
  execId: string,
  { client, options, over }: { client: ClientStream | undefined; options: ExecStartOptions; over?: AbortSignal },
): Promise<void> {
  const exec = deps.execs.get(execId);
  const container = deps.store.get(exec.containerId);
  const init = runningInit(deps, container, exec);
  // Claimed before anything waits: two starts of one exec must not both run it.
  deps.execs.running(execId, 0);
  const { request } = exec;
  const streams = { stdin: request.attachStdin, stdout: request.attachStdout, stderr: request.attachStderr };
  let created: CreatedTask;
  try {
    created = await deps.tasks.create(execId, composeExecPlan(deps, { exec, container, init, options }), {
      streams: client === undefined ? [] : [streams],
      startAtOnce: true,
    });
  } catch (error) {
    deps.execs.ended(execId, startFailureCode(messageOf(error), 126));
    throw asExecFailure(error, container, init);
  }
  const { task } = created;
  killWhen(over, task);
  const [shim] = created.attached;
  try {
    const { pid } = await task.start();
    deps.execs.running(execId, pid);
  } catch (error) {
    shim?.destroy();
    await task.gone;
    deps.tasks.forget(execId);
    deps.execs.ended(execId, startFailureCode(messageOf(error), 126));
    throw asExecFailure(error, container, init);
  }
  deps.events.record('container', `exec_start: ${request.cmd.join(' ')}`, container.id, {
    ...containerEvent(container),
    execID: execId,
  });
  const followed = followExec(deps, exec, task);
  deps.background.watch(`exec ${execId}`, () => followed);
  if (client === undefined || shim === undefined) return;
  const { detached } = await joinStreams(client, shim, {
    stdin: streams.stdin,
    detachKeys: request.tty ? parseDetachKeys(request.detachKeys || defaultDetachKeys) : undefined,
    // The client inspects the exec as soon as its stream ends: the exit code must be there by then.
    beforeEnd: () => followed,
  });
  if (detached)
    deps.events.record('container', 'exec_detach', container.id, { ...containerEvent(container), execID: execId });
}

function killWhen(over: AbortSignal | undefined, task: Task): void {
  const kill = (): void => task.signal(sigkill);
  if (over?.aborted === true) kill();
  else over?.addEventListener('abort', kill);
}

/** Books the end of an exec. Its container, and with it the exec's row, may be gone by then. */
export async function followExec(deps: ContainerDeps, { id, containerId }: ExecRecord, task: Task): Promise<void> {
  const exit = await task.exited.catch(() => undefined);
  // Its client inspects it as soon as the stream ends: that must not be before the end is booked, by whoever does it.
  if (deps.background.closed) return deps.live.bookedElsewhere(id);
  const container = deps.store.find(containerId);
  const exitCode = exit?.exitCode ?? 255;
  deps.db.tx(() => {
    deps.execs.ended(id, exitCode);
    if (container === undefined) return;
    const attributes = { ...containerEvent(container), execID: id, exitCode: String(exitCode) };
    deps.events.record('container', 'exec_die', containerId, attributes);
  });
  await task.gone;
  deps.tasks.forget(id);
}

export function resizeExec(deps: ContainerDeps, execId: string, size: { rows: number; columns: number }): void {
  const exec = deps.execs.get(execId);
  const task = deps.tasks.find(execId);
  if (!exec.running || task === undefined)
    throw new EngineError('conflict', `cannot resize a stopped container: exec ${execId} is not running`);
  task.resize(size.rows, size.columns);
}

function runningInit(deps: ContainerDeps, container: ContainerRecord, exec: ExecRecord): Task {
  if (exec.exitCode !== undefined || exec.running)
    throw new EngineError('conflict', `Error: Exec command ${exec.id} has already run`);
  const init = taskOf(deps, container.id);
  if (container.status.kind !== 'running' || init === undefined)
    throw new EngineError('conflict', `container ${container.id} is not running`);
  if (container.status.paused)
    throw new EngineError('conflict', `Container ${container.id} is paused, unpause the container before exec`);
  return init;
}

function composeExecPlan(
  deps: ContainerDeps,
  {
    exec,
    container,
    init,
    options,
  }: { exec: ExecRecord; container: ContainerRecord; init: Task; options: ExecStartOptions },
): ReturnType<typeof compileExec> {
  const { request } = exec;
  const { config } = container;
  const hostConfig = { ...container.hostConfig, privileged: container.hostConfig.privileged || request.privileged };
  const facts = { host: deps.facts };
  const capabilities = capabilitiesOf(hostConfig, facts);
  const [rows, columns] = options.consoleSize ?? request.consoleSize ?? [0, 0];
  const taskDir = deps.tasks.taskDir(exec.id);
  return compileExec(
    {
      args: request.cmd,
      env: composeEnvironment({ ...config, env: [...config.env, ...request.env], tty: request.tty }, config.hostname),
      cwd: request.workingDir || config.workingDir || '/',
      user: { spec: request.user || config.user, groups: container.hostConfig.groupAdd },
      terminal: request.tty,
      ...(rows > 0 && columns > 0 ? { consoleSize: { rows, columns } } : {}),
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      // A privileged exec has more capabilities, but keeps the filter of its container.
      seccomp: seccompOf(container.hostConfig, facts),
      noNewPrivileges: parseSecurityOptions(hostConfig.securityOpt).noNewPrivileges,
      rlimits: hostConfig.ulimits.map(({ name, soft, hard }) => ({ type: `RLIMIT_${name.toUpperCase()}`, soft, hard })),
      oomScoreAdj: hostConfig.oomScoreAdj,
      createWorkingDir: false,
    },
    deps.facts,
    {
      pid: init.pid,
      startTicks: BigInt(init.startTicks),
      ownPidNamespace: hostConfig.pidMode !== 'host',
      cgroupPath: cgroupPathOf(deps, container),
      shim: {
        taskDir,
        exitRecord: join(taskDir, 'exit'),
        log: { kind: 'none' },
        openStdin: request.attachStdin,
        stdinOnce: true,
      },
    },
  );
}

/** Docker's words for an exec that could not run; clients print them as they come. */
function asExecFailure(error: unknown, { id }: ContainerRecord, init: Task): unknown {
  if (!(error instanceof EngineError)) return error;
  // It ended a moment ago, and nobody has booked that yet.
  if (!processRuns(init)) return new EngineError('conflict', `container ${id} is not running`, { cause: error });
  const message = error.message.replace(
    'failed to create task for container: ',
    'OCI runtime exec failed: exec failed: ',
  );
  return new EngineError(error.code, message, { cause: error });
}
