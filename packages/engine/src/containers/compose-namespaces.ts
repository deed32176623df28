import type { LinuxNamespace } from '@gantry/oci';
import type { StartFacts } from './start-facts.ts';
import type { HostConfig } from './types.ts';

/** The namespaces of a container: a new one, another container's by path, or (left out) the host's. */
export function composeNamespaces(
  hostConfig: HostConfig,
  facts: Pick<StartFacts, 'network' | 'ipcPath' | 'pidPath'>,
): readonly LinuxNamespace[] {
  const { network, ipcPath, pidPath } = facts;
  const namespaces: (LinuxNamespace | undefined)[] = [
    { type: 'mount' },
    network.kind === 'host'
      ? undefined
      : { type: 'network', ...(network.kind === 'path' ? { path: network.path } : {}) },
    hostConfig.utsMode === 'host' ? undefined : { type: 'uts' },
    shared('pid', hostConfig.pidMode, pidPath),
    shared('ipc', hostConfig.ipcMode, ipcPath),
    hostConfig.cgroupnsMode === 'private' ? { type: 'cgroup' } : undefined,
  ];
  return namespaces.filter((namespace) => namespace !== undefined);
}

function shared(type: 'pid' | 'ipc', mode: string, path: string | undefined): LinuxNamespace | undefined {
  if (mode === 'host') return undefined;
  if (!mode.startsWith('container:')) return { type };
  if (path === undefined) throw new Error(`unreachable: no ${type} namespace was found for mode ${mode}`);
  return { type, path };
}
