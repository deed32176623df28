import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { EngineError, isErrno } from '@gantry/base';
import { type ExitRecord, encodeFrame, errnoName, frameType, kill, type Plan, parseExitRecord } from '@gantry/native';
import { attachTo } from './attached-stream.ts';
import { describeFailure } from './failure.ts';
import { connectFd, connectPath } from './shim-connection.ts';
import { fromNanos, ShimTask } from './shim-task.ts';
import { openShims, type ShimEnds, type Shims } from './shims.ts';
import type { EarlyAttach, RecoveredTask, TaskRoom } from './types.ts';

export type TaskDeps = {
  /** Runtime state of this engine; task directories lie in `tasks/` below it. */
  readonly execRoot: string;
  /** Path that executes the native program: a sealed copy, which no container can change. */
  readonly program: string;
  /** Called whenever a process is being made and the room only waits for it. */
  readonly onPause: () => void;
};

/** A socket address holds 107 bytes, and roots of any length must work: sockets are named through this descriptor. */
type Directory = { readonly path: string; readonly fd: number };

export function openTasks(deps: TaskDeps): TaskRoom {
  const path = join(deps.execRoot, 'tasks');
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const directory: Directory = { path, fd: openSync(path, 'r') };
  const shims = openShims(deps.program);
  const live = new Map<string, ShimTask>();
  const keep = (task: ShimTask): ShimTask => {
    live.set(task.key, task);
    void task.gone.then(() => {
      if (live.get(task.key) === task) live.delete(task.key);
      shims.makeReady();
    });
    return task;
  };
  return {
    taskDir: (key) => join(path, key),
    find: (key) => live.get(key),
    create: async (key, plan, early) => {
      const created = await createTask(shims, directory, { key, plan, early, onPause: deps.onPause });
      keep(created.task);
      return created;
    },
    recover: async (key, exitRecord) => {
      const found = await recoverTask(directory, key, exitRecord);
      if (found.kind === 'running') keep(found.task);
      return found;
    },
    forget: (key) => removeTaskDir(join(path, key)),
    sweep: async (keys) => sweepTasks(directory, keys),
    [Symbol.dispose]: () => shims[Symbol.dispose](),
  };
}

async function createTask(
  shims: Shims,
  directory: Directory,
  { key, plan, early, onPause }: { key: string; plan: Plan; early: EarlyAttach; onPause: () => void },
): Promise<{ task: ShimTask; attached: Duplex[] }> {
  const dir = join(directory.path, key);
  makeTaskDir(dir);
  // The record of an earlier run must not be taken for this one's.
  unlinkIfThere(plan.shim.exitRecord);
  const task = newTask(directory, { key, exitRecord: plan.shim.exitRecord, plan });
  const { control, handed } = giveOrTidy(shims, dir, { plan, handed: early.streams.length });
  try {
    task.use(await connectFd(control, task.listener));
    // START comes last: who is attached by then misses nothing.
    const attached = await Promise.all(
      early.streams.map((streams, index) => attachTo({ fd: handed[index] ?? -1 }, streams)),
    );
    if (early.startAtOnce) task.letGo();
    // It takes a few milliseconds, mostly on the other processor.
    shims.makeReady();
    onPause();
    await task.created.promise;
    return { task, attached };
  } catch (error) {
    await task.gone;
    removeTaskDir(dir);
    throw error;
  }
}

function makeTaskDir(dir: string): void {
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    removeTaskDir(dir);
    mkdirSync(dir, { mode: 0o700 });
  }
}

/** By name, since a walk of the directory costs a start more than all else here: these are the files that are made in it. */
function removeTaskDir(dir: string): void {
  for (const name of ['started', 'shim.sock']) unlinkIfThere(join(dir, name));
  try {
    rmdirSync(dir);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Mostly it is not there, and an error for each would cost more than to ask. */
function unlinkIfThere(path: string): void {
  if (!existsSync(path)) return;
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}

/** Without a shim there is no connection whose end could be awaited: the directory goes at once. */
function giveOrTidy(shims: Shims, dir: string, { plan, handed }: { plan: Plan; handed: number }): ShimEnds {
  try {
    return shims.give(plan, handed);
  } catch (error) {
    removeTaskDir(dir);
    throw error;
  }
}

function newTask(
  directory: Directory,
  { key, exitRecord, plan }: { key: string; exitRecord: string; plan: Plan | undefined },
): ShimTask {
  return new ShimTask({
    key,
    describe: (failed) =>
      plan === undefined
        ? new EngineError('unavailable', `task "${key}" failed to start under an earlier daemon`)
        : describeFailure(plan, failed, errnoName),
    socketPath: () => socketPath(directory, key),
    readExitRecord: () => readExitRecord(exitRecord),
  });
}

async function recoverTask(
  directory: Directory,
  key: string,
  exitRecord: string,
): Promise<RecoveredTask & { task?: ShimTask }> {
  const task = newTask(directory, { key, exitRecord, plan: undefined });
  try {
    task.use(await connectPath(socketPath(directory, key), task.listener));
    task.request(encodeFrame(frameType.control));
    const status = await task.status.promise;
    if (status.state === 'running') return { kind: 'running', task, startedAt: fromNanos(status.startedAt) };
    // It stands before its exec: the daemon died before the start was promised to anyone.
    if (status.state !== 'exited') endShim(status.shimPid, status.pid);
    await task.gone;
  } catch {
    // Nothing listens: the shim has ended, and the record below says how.
  }
  const record = readExitRecord(exitRecord);
  return record === undefined ? { kind: 'lost' } : { kind: 'exited', record };
}

async function sweepTasks(directory: Directory, keep: ReadonlySet<string>): Promise<readonly string[]> {
  const strays = readdirSync(directory.path).filter((key) => !keep.has(key));
  await Promise.all(strays.map((key) => sweepTask(directory, key)));
  return strays;
}

async function sweepTask(directory: Directory, key: string): Promise<void> {
  const dir = join(directory.path, key);
  if (existsSync(join(dir, 'shim.sock'))) {
    const task = newTask(directory, { key, exitRecord: '', plan: undefined });
    try {
      task.use(await connectPath(socketPath(directory, key), task.listener));
      task.request(encodeFrame(frameType.control));
      const { shimPid, pid } = await task.status.promise;
      endShim(shimPid, pid);
      await task.gone;
    } catch {
      // No shim behind the socket: only its directory is left.
    }
  }
  rmSync(dir, { recursive: true, force: true });
}

/** Kills the process; its shim then cleans up and ends by itself. A process that never began is its shim's child too. */
function endShim(shimPid: number, pid: number): void {
  try {
    kill(pid > 0 ? pid : shimPid, 9);
  } catch {
    // It ended between the answer and the signal.
  }
}

function socketPath(directory: Directory, key: string): string {
  return `/proc/self/fd/${directory.fd}/${key}/shim.sock`;
}

/** Reads what a shim left of an end; undefined when it left nothing whole. */
export function readExitRecord(path: string): ExitRecord | undefined {
  if (path === '') return undefined;
  try {
    return parseExitRecord(readFileSync(path, 'utf8'));
  } catch {
    // Absent, or half-written by a machine that went down: either way nobody knows how the process ended.
    return undefined;
  }
}
