import { writeFile } from 'node:fs/promises';
import { readInitProgram } from '@gantry/native';
import type { ContainerPaths } from './paths.ts';
import type { HostConfig } from './types.ts';

/** Where a container sees its init: Docker's path, which images and tools know. */
export const initTarget = '/sbin/docker-init';

/** Whether a container's first process is the engine's init; in somebody else's PID namespace there is one already. */
export function usesInit({ init, pidMode }: Pick<HostConfig, 'init' | 'pidMode'>): boolean {
  return init === true && (pidMode === '' || pidMode === 'private');
}

/**
 * Writes the init of one container.
 *
 * SAFETY: each has a copy of its own. A privileged container can write to what is bound into it read-only, and must not
 * write what another one runs.
 */
export async function writeInit(paths: ContainerPaths, hostConfig: HostConfig): Promise<void> {
  if (usesInit(hostConfig)) await writeFile(paths.init, await readInitProgram(), { mode: 0o755 });
}
