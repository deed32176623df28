import { EngineError } from '@gantry/base';
import type { Act } from '@gantry/native';
import type { LinuxSpec } from '@gantry/oci';
import { namespaceMode } from './namespaces.ts';

const ofIpc = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);

/**
 * Writes the sysctls of config.json, each checked to belong to a namespace that is the container's: a sysctl without a
 * namespace would be the host's. Keys go to the native program as paths below /proc/sys.
 *
 * @throws invalid
 */
export function planSysctls(linux: LinuxSpec | undefined, root: number): Act[] {
  return Object.entries(linux?.sysctl ?? {}).map(([key, value]) => {
    const path = sysctlPath(key);
    const dotted = path.replaceAll('/', '.');
    const namespace = namespaceOf(dotted);
    if (namespace === undefined || path.split('/').includes('..')) {
      throw new EngineError('invalid', `cannot set sysctl "${key}": it is not in a separate kernel namespace`);
    }
    if (namespaceMode(linux, namespace) === 'host') {
      throw new EngineError(
        'invalid',
        `cannot set sysctl "${key}": it is not allowed in the host's ${namespace} namespace`,
      );
    }
    return { verb: 'sysctl', root, key: path, value };
  });
}

function namespaceOf(key: string): 'ipc' | 'network' | 'uts' | undefined {
  if (ofIpc.has(key) || key.startsWith('fs.mqueue.')) return 'ipc';
  if (key.startsWith('net.')) return 'network';
  // The host name has a field of its own in config.json; this one has none that every runtime knows.
  return key === 'kernel.domainname' ? 'uts' : undefined;
}

// As sysctl(8): the separator that comes first is the separator, the other one is a plain character of a name
// (`net/ipv4/conf/eth0.100/rp_filter`, `net.ipv4.conf.eth0/100.rp_filter`).
function sysctlPath(key: string): string {
  const slash = key.indexOf('/');
  const dot = key.indexOf('.');
  if (slash !== -1 && (dot === -1 || slash < dot)) return key;
  return key.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
}
