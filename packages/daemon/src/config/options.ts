import type { FlagSpec } from '@gantry/base';

/**
 * How an option of dockerd fares here: `used`; `fixed`: the engine always works that way, so only those values are
 * taken; `refused`: asking for it is an error that says so, rather than a daemon that quietly does something else.
 */
export type OptionUse =
  | { readonly kind: 'used' }
  | { readonly kind: 'fixed'; readonly values: readonly string[] }
  | { readonly kind: 'refused' };

/** One option: a flag, and the key of daemon.json that means the same. */
export type OptionRow = FlagSpec & {
  /** Key in daemon.json; undefined: only a flag. */
  readonly key: string | undefined;
  readonly help: string;
  readonly use: OptionUse;
};

type Extra = {
  readonly help: string;
  readonly short?: string;
  readonly key?: string | undefined;
  readonly use?: OptionUse;
};

function option(name: string, kind: FlagSpec['kind'], extra: Extra): OptionRow {
  const { help, short } = extra;
  return { name, kind, help, short, key: 'key' in extra ? extra.key : name, use: extra.use ?? { kind: 'used' } };
}

const fixed = (...values: string[]): OptionUse => ({ kind: 'fixed', values });

const used: readonly OptionRow[] = [
  option('allow-nondistributable-artifacts', 'list', {
    help: 'Registries that get layers that may not be distributed, too',
  }),
  option('bip', 'string', { help: 'IPv4 address for the default bridge' }),
  option('bridge', 'string', { help: 'Attach containers to a network bridge', short: 'b' }),
  option('config-file', 'string', { help: 'Daemon configuration file', key: undefined }),
  option('data-root', 'string', { help: 'Root directory of persistent state' }),
  option('debug', 'bool', { help: 'Enable debug mode', short: 'D' }),
  option('default-shm-size', 'string', { help: 'Default shm size for containers' }),
  option('default-ulimit', 'list', { help: 'Default ulimits for containers', key: 'default-ulimits' }),
  option('dns', 'list', { help: 'DNS server to use' }),
  option('dns-opt', 'list', { help: 'DNS options to use', key: 'dns-opts' }),
  option('dns-search', 'list', { help: 'DNS search domains to use' }),
  option('exec-root', 'string', { help: 'Root directory for execution state files' }),
  option('group', 'string', { help: 'Group for the unix socket', short: 'G' }),
  option('help', 'bool', { help: 'Print usage', key: undefined, short: 'h' }),
  option('host', 'list', { help: 'Daemon socket(s) to connect to', short: 'H', key: 'hosts' }),
  option('image-gc', 'list', {
    help: 'Remove unused images by themselves (e.g. "unusedFor=720h", "maxUsedSpace=50GB", "minFreeSpace=10%")',
  }),
  option('init', 'bool', { help: 'Run an init in the container to forward signals and reap processes' }),
  option('insecure-registry', 'list', { help: 'Enable insecure registry communication', key: 'insecure-registries' }),
  option('label', 'list', { help: 'Set key=value labels to the daemon', key: 'labels' }),
  option('log-driver', 'string', { help: 'Default driver for container logs' }),
  option('log-format', 'string', { help: 'Set the logging format ("text"|"json")' }),
  option('log-level', 'string', { help: 'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")', short: 'l' }),
  option('log-opt', 'list', { help: 'Default log driver options for containers', key: 'log-opts' }),
  option('metrics-addr', 'string', { help: 'Set default address and port to serve the metrics api on' }),
  option('pidfile', 'string', { help: 'Path to use for daemon PID file', short: 'p' }),
  option('registry-config-dir', 'list', {
    help: 'Directory with hosts.toml and certificates of registries',
    key: 'registry-config-dirs',
  }),
  option('registry-mirror', 'list', { help: 'Preferred registry mirror', key: 'registry-mirrors' }),
  option('shutdown-timeout', 'int', { help: 'Set the default shutdown timeout' }),
  option('storage-driver', 'string', { help: 'Storage driver to use', short: 's' }),
  option('takeover', 'bool', {
    help: 'Take the place of the daemon that runs on these roots; no client notices',
    key: undefined,
  }),
  option('validate', 'bool', { help: 'Validate daemon configuration and exit', key: undefined }),
  option('version', 'bool', { help: 'Print version information and quit', key: undefined, short: 'v' }),
];

const fixedOnes: readonly OptionRow[] = [
  option('default-runtime', 'string', { help: 'Default OCI runtime for containers', use: fixed('runc') }),
  option('exec-opt', 'list', {
    help: 'Runtime execution options',
    key: 'exec-opts',
    use: fixed('native.cgroupdriver=cgroupfs'),
  }),
  option('experimental', 'bool', { help: 'Enable experimental features', use: fixed('false') }),
  option('icc', 'bool', {
    help: 'Enable inter-container communication for the default bridge network',
    use: fixed('true'),
  }),
  option('ip-forward', 'bool', { help: 'Enable IP forwarding in system configuration', use: fixed('true') }),
  option('ip-masq', 'bool', { help: 'Enable IP masquerading for the default bridge network', use: fixed('true') }),
  option('iptables', 'bool', { help: 'Enable addition of firewall rules', use: fixed('true') }),
  option('firewall-backend', 'string', { help: 'Firewall backend to use', use: fixed('nftables') }),
  option('ipv6', 'bool', { help: 'Enable IPv6 networking for the default bridge network', use: fixed('false') }),
  option('live-restore', 'bool', { help: 'Keep containers alive when the daemon ends', use: fixed('true') }),
  option('no-new-privileges', 'bool', {
    help: 'Set no-new-privileges by default for new containers',
    use: fixed('false'),
  }),
  option('raw-logs', 'bool', { help: 'Full timestamps without ANSI coloring', use: fixed('true', 'false') }),
  option('rootless', 'bool', { help: 'Enable rootless mode', use: fixed('false') }),
  option('seccomp-profile', 'string', { help: 'Path to seccomp profile', use: fixed('builtin') }),
  option('selinux-enabled', 'bool', { help: 'Enable selinux support', use: fixed('false') }),
  option('tls', 'bool', { help: 'Use TLS; implied by --tlsverify', use: fixed('false') }),
  option('tlsverify', 'bool', { help: 'Use TLS and verify the remote', use: fixed('false') }),
];

const refused = (kind: FlagSpec['kind'], ...names: (string | readonly [flag: string, key: string])[]): OptionRow[] =>
  names.map((name) => {
    const [flag, key] = typeof name === 'string' ? [name, name] : name;
    return option(flag, kind, { help: '', key, use: { kind: 'refused' } });
  });

const refusedOnes: readonly OptionRow[] = [
  ...refused(
    'list',
    ['add-runtime', 'runtimes'],
    ['authorization-plugin', 'authorization-plugins'],
    ['cdi-spec-dir', 'cdi-spec-dirs'],
    ['default-address-pool', 'default-address-pools'],
    ['default-network-opt', 'default-network-opts'],
    ['feature', 'features'],
    ['host-gateway-ip', 'host-gateway-ips'],
    ['node-generic-resource', 'node-generic-resources'],
    ['storage-opt', 'storage-opts'],
  ),
  ...refused('bool', 'allow-direct-routing', 'cri-containerd', 'ip-forward-no-drop', 'ip6tables', 'userland-proxy'),
  ...refused(
    'string',
    'bip6',
    'bridge-accept-fwmark',
    'cgroup-parent',
    'containerd',
    'containerd-namespace',
    ['containerd-plugins-namespace', 'containerd-plugin-namespace'],
    'cpu-rt-period',
    'cpu-rt-runtime',
    'default-cgroupns-mode',
    'default-gateway',
    'default-gateway-v6',
    'default-ipc-mode',
    'fixed-cidr',
    'fixed-cidr-v6',
    'http-proxy',
    'https-proxy',
    'init-path',
    'ip',
    'max-concurrent-downloads',
    'max-concurrent-uploads',
    'max-download-attempts',
    'mtu',
    'network-control-plane-mtu',
    'no-proxy',
    'swarm-default-advertise-addr',
    'tlscacert',
    'tlscert',
    'tlskey',
    'userland-proxy-path',
    'userns-remap',
  ),
];

/** Keys of daemon.json that have no flag in dockerd either. All of them steer what this engine does not have. */
export const refusedKeys: readonly string[] = [
  'builder',
  'default-stop-timeout',
  'min-api-version',
  'network-diagnostic-port',
  'nri-opts',
  'proxies',
  'resolv-conf',
  'swarm-raft-election-tick',
  'swarm-raft-heartbeat-tick',
];

/** Every option of dockerd 28. */
export const daemonOptions: readonly OptionRow[] = [...used, ...fixedOnes, ...refusedOnes].sort((left, right) =>
  left.name.localeCompare(right.name),
);
