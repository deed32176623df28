import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EngineError, messageOf } from '@gantry/base';
import { cgroupFiles } from '../cgroup/layout.ts';
import { listProcesses, selectPsLines } from '../cgroup/processes.ts';
import { probeHostFacts } from '../probe-facts.ts';
import type { ContainerStore } from './container-store.ts';

const run = promisify(execFile);
/** What `ps` may print before it is refused: a host with very many processes. */
const longestOutputBytes = 16 * 2 ** 20;

/** The host's PIDs of a container's processes; none when it has ended. */
export function containerPids(store: ContainerStore, id: string): number[] {
  return listProcesses(cgroupFiles(probeHostFacts().cgroup, store.get(id).cgroupPath));
}

/**
 * `ps`: the lines of the host's own `ps` that are of a container.
 *
 * @param options what `ps` gets, `-ef` when there are none
 * @throws internal when ps fails or has no column of PIDs
 */
export async function processTable(store: ContainerStore, id: string, options: readonly string[]): Promise<string> {
  const pids = new Set(containerPids(store, id));
  const { head, lines } = selectPsLines(await runPs(options.length === 0 ? ['-ef'] : options), pids);
  return [head, ...lines].map((line) => `${line}\n`).join('');
}

async function runPs(options: readonly string[]): Promise<string> {
  try {
    return (await run('ps', [...options], { maxBuffer: longestOutputBytes })).stdout;
  } catch (cause) {
    throw new EngineError('internal', `cannot run ps: ${messageOf(cause).trim()}`, { cause });
  }
}
