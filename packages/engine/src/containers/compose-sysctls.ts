import { EngineError } from '@gantry/base';
import type { StartFacts } from './start-facts.ts';
import type { HostConfig } from './types.ts';

/** Kernel parameters that belong to the IPC namespace. Spec: runtime-spec, config-linux.md, "Sysctl". */
const ipcSysctls = new Set(
  ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map((key) => `kernel.${key}`),
);

/**
 * The kernel parameters of a container: Docker's two defaults for a network of its own, then the user's.
 *
 * SAFETY: a parameter that is not in a namespace of the container's own would change the host.
 *
 * @throws invalid with the runtime's texts
 */
export function composeSysctls(
  hostConfig: HostConfig,
  facts: Pick<StartFacts, 'network'>,
): Readonly<Record<string, string>> {
  for (const key of Object.keys(hostConfig.sysctls)) refuseHostSysctl(normalKey(key), key, { hostConfig, facts });
  if (facts.network.kind !== 'own') return hostConfig.sysctls;
  return {
    // Echo sockets and low ports need no capability in there: Docker's defaults since 20.10.
    'net.ipv4.ping_group_range': '0 2147483647',
    'net.ipv4.ip_unprivileged_port_start': '0',
    ...hostConfig.sysctls,
  };
}

type Context = { readonly hostConfig: HostConfig; readonly facts: Pick<StartFacts, 'network'> };

function refuseHostSysctl(key: string, given: string, { hostConfig, facts }: Context): void {
  const refuse = (text: string): never => {
    throw new EngineError('invalid', text);
  };
  if (!/^[A-Za-z0-9_]([A-Za-z0-9_./:@-]*[A-Za-z0-9_])?$/.test(key) || key.includes('..') || key.includes('//'))
    refuse(`sysctl "${given}" is not a valid name`);
  if (ipcSysctls.has(key) || key.startsWith('fs.mqueue.')) {
    if (hostConfig.ipcMode === 'host') refuse(`sysctl "${given}" is not allowed in the hosts ipc namespace`);
    return;
  }
  if (key.startsWith('net.')) {
    if (facts.network.kind === 'host') refuse(`sysctl "${given}" not allowed in host network namespace`);
    return;
  }
  if (key === 'kernel.hostname') refuse(`sysctl "${given}" conflicts with OCI field "hostname"`);
  if (key === 'kernel.domainname' && hostConfig.utsMode !== 'host') return;
  refuse(`sysctl "${given}" is not in a separate kernel namespace`);
}

/** `net/ipv4/conf/eth0.100/x` and `net.ipv4.conf.eth0/100.x` name the same parameter: the first separator decides. */
function normalKey(key: string): string {
  const slash = key.indexOf('/');
  const dot = key.indexOf('.');
  if (slash < 0 || (dot >= 0 && dot < slash)) return key;
  return key.replaceAll(/[./]/g, (separator) => (separator === '/' ? '.' : '/'));
}
