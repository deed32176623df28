import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EngineError, messageOf } from '@gantry/base';
import { cgroupFiles, listProcesses } from '@gantry/runtime';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { type ProcessTable, parsePs } from './parse-ps.ts';
import { cgroupPathOf } from './resolve-start.ts';

const run = promisify(execFile);
/** What `ps` may print before it is cut off: a host with very many processes. */
const longestOutputBytes = 16 * 2 ** 20;

/**
 * Lists the processes of a container as the host's `ps` shows them, with the arguments that the client gave.
 *
 * @throws conflict when it does not run; invalid and internal with Docker's texts
 */
export async function topContainer(
  deps: Pick<ContainerDeps, 'store' | 'events' | 'facts' | 'cgroupParent'>,
  ref: string,
  psArguments: string,
): Promise<ProcessTable> {
  const given = psArguments.trim() === '' ? '-ef' : psArguments.trim();
  refuseRenamedColumns(given);
  const container = deps.store.resolve(ref);
  const { id, status } = container;
  if (status.kind === 'restarting')
    throw new EngineError('conflict', `Container ${id} is restarting, wait until the container is running`);
  if (status.kind !== 'running') throw new EngineError('conflict', `container ${id} is not running`);
  const pids = listProcesses(cgroupFiles(deps.facts.cgroup, cgroupPathOf(deps, container)));
  // Its cgroup goes a moment before its exit is booked.
  if (pids.length === 0) throw new EngineError('conflict', `container ${id} is not running`);
  const table = parsePs(await runPs(given.split(/\s+/), pids), new Set(pids));
  deps.events.record('container', 'top', id, containerEvent(container));
  return table;
}

/** The PID column is how lines are matched: it must be ps's own, not another column that was given its name. */
function refuseRenamedColumns(psArguments: string): void {
  for (const [, column = '', title = ''] of ` ${psArguments}`.matchAll(/\s+([^\s]*)=\s*(PID[^\s]*)/g))
    if (column !== 'pid') throw new EngineError('invalid', `specifying "${column}=${title}" is not allowed`);
}

async function runPs(psArguments: readonly string[], pids: readonly number[]): Promise<string> {
  const options = { maxBuffer: longestOutputBytes, env: { PATH: process.env.PATH, LC_ALL: 'C' } };
  try {
    return (await run('ps', [...psArguments, `-q${pids.join(',')}`], options)).stdout;
  } catch {
    // Some options cannot be combined with a list of PIDs: ask for all and choose afterwards.
    try {
      return (await run('ps', [...psArguments], options)).stdout;
    } catch (cause) {
      throw new EngineError('internal', `ps: ${psError(cause)}`, { cause });
    }
  }
}

/** The first line that ps wrote to stderr says what is wrong. */
function psError(cause: unknown): string {
  if (typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'ENOENT')
    return 'exec: "ps": executable file not found in $PATH';
  const text = typeof cause === 'object' && cause !== null && 'stderr' in cause ? String(cause.stderr) : '';
  return text.split('\n', 1)[0] || messageOf(cause);
}
