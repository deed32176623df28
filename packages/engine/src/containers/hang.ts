import { readFileSync } from 'node:fs';
import { EngineError } from '@gantry/base';
import type { Task } from '../tasks/index.ts';
import type { ContainerDeps } from './deps.ts';
import type { ContainerRecord } from './types.ts';

/** Why a container does not react, and how to mend it. */
export type Hang = {
  readonly what: string;
  readonly mend: string;
  /** Until somebody lets it go on; otherwise it may pass by itself. */
  readonly isStopped: boolean;
};

/** A process as the kernel sees it: its one letter, `R`, `S`, `D`, `T`, …; undefined when it is gone. */
export type ProcessState = { readonly pid: number; readonly state: string | undefined };

/** What keeps a process or its shim from acting. A frozen process looks to the kernel like one that hangs. */
export function explainHang(init: ProcessState, shim: ProcessState, isPaused: boolean): Hang | undefined {
  if (shim.state === 'T' || shim.state === 't') {
    const mend = `somebody stopped or traces it, kill -CONT ${shim.pid} lets it go on`;
    return { what: `its shim, process ${shim.pid}, is stopped`, mend, isStopped: true };
  }
  const stuck = shim.state === 'D' ? shim : init.state === 'D' && !isPaused ? init : undefined;
  if (stuck === undefined) return undefined;
  const who = stuck === shim ? `its shim, process ${stuck.pid},` : `its process ${stuck.pid}`;
  return {
    what: `${who} waits in the kernel and cannot be interrupted`,
    mend: `a device or network file system hangs, /proc/${stuck.pid}/stack tells where`,
    isStopped: false,
  };
}

type HangDeps = Pick<ContainerDeps, 'live' | 'tasks'>;

/**
 * Why a container that did not react is still unresponsive; undefined when it is not. Only such a one costs a look at the
 * kernel: a list of hundreds costs none.
 */
export function hangOf({ live, tasks }: HangDeps, { id, status }: ContainerRecord): Hang | undefined {
  if (status.kind !== 'running' || !live.isUnresponsive(id)) return undefined;
  const found = findHang(status.pid, status.paused);
  if (found !== undefined || tasks.find(id) !== undefined) return found;
  const mend = 'its shim is the parent of its process, look at what that does';
  return { what: 'its shim does not answer', mend, isStopped: false };
}

/** Both in one clause: the clients of Docker show nothing but the message of an error. */
export function describeHang({ what, mend }: Hang): string {
  return `${what}; ${mend}`;
}

/** What the kernel says against a process and its shim at this moment. */
export function findHang(pid: number, isPaused: boolean): Hang | undefined {
  const init = readStat(pid);
  const shim = readStat(init.parent);
  return explainHang({ pid, state: init.state }, { pid: init.parent, state: shim.state }, isPaused);
}

function readStat(pid: number): { readonly state: string | undefined; readonly parent: number } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name may hold blanks and brackets: fields are counted from its last bracket.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return { state: undefined, parent: 0 }; // it is gone
  }
}

/** The task of a container, if it has one. @throws unavailable for one that runs and whose shim has not answered yet */
export function taskOf(deps: HangDeps & Pick<ContainerDeps, 'store'>, id: string): Task | undefined {
  const task = deps.tasks.find(id);
  const container = deps.store.find(id);
  const hang = task === undefined && container !== undefined ? hangOf(deps, container) : undefined;
  if (hang === undefined) return task;
  throw new EngineError('unavailable', `container ${id} is unresponsive: ${describeHang(hang)}`);
}
