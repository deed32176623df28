import type { DaemonConfig } from './config.ts';

/** The configuration in force: `config` is another one after a reload. */
export type Settings = { config: DaemonConfig };

/** What a running daemon takes up, by member. Docker differs: its defaults for new containers wait for a restart. */
type LiveKey =
  | 'debug'
  | 'logLevel'
  | 'labels'
  | 'insecureRegistries'
  | 'registryMirrors'
  | 'registryConfigDirs'
  | 'shutdownTimeoutSeconds'
  | 'logConfig'
  | 'ulimits'
  | 'dns'
  | 'dnsOptions'
  | 'dnsSearch'
  | 'shmSizeBytes'
  | 'init';

/** What is settled once, under the names that a file has for it. */
const fixedKeys: Readonly<Record<Exclude<keyof DaemonConfig, LiveKey>, string>> = {
  hosts: 'hosts',
  group: 'group',
  metricsAddress: 'metrics-addr',
  dataRoot: 'data-root',
  execRoot: 'exec-root',
  pidfile: 'pidfile',
  bridge: 'bridge',
  bip: 'bip',
  logFormat: 'log-format',
  nondistributable: 'allow-nondistributable-artifacts',
  imagePolicy: 'image-gc',
  storageDriver: 'storage-driver',
};

/**
 * Lays a configuration that was read again over the one in force.
 *
 * @returns also the keys whose new value waits for the next start
 */
export function reloadConfig(
  current: DaemonConfig,
  fresh: DaemonConfig,
): { readonly config: DaemonConfig; readonly waiting: readonly string[] } {
  const fixed = Object.keys(fixedKeys) as (keyof typeof fixedKeys)[];
  const kept = Object.fromEntries(fixed.map((key) => [key, current[key]]));
  const waiting = fixed.filter((key) => JSON.stringify(current[key]) !== JSON.stringify(fresh[key]));
  return { config: { ...fresh, ...kept }, waiting: waiting.map((key) => fixedKeys[key]) };
}

/** The attributes of Docker's `reload` event, of all that this engine has. */
export function reloadAttributes(config: DaemonConfig, hostname: string): Readonly<Record<string, string>> {
  return {
    debug: String(config.debug),
    'default-runtime': 'runc',
    'default-shm-size': String(config.shmSizeBytes),
    'insecure-registries': JSON.stringify(config.insecureRegistries),
    labels: JSON.stringify(config.labels),
    'live-restore': 'true',
    name: hostname,
    'registry-mirrors': JSON.stringify(config.registryMirrors),
    'shutdown-timeout': String(config.shutdownTimeoutSeconds),
  };
}
