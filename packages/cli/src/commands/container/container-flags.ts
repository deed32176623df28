import { boolFlag, type Flag, intFlag, listFlag, textFlag } from '../../command.ts';
import { checkDomain, checkIpAddress, parseExtraHost } from '../../request/addresses.ts';
import {
  checkDeviceCgroupRule,
  checkLink,
  checkSysctl,
  parseByteRate,
  parseGpus,
  parseOperationRate,
  parseUlimit,
  parseWeight,
} from '../../request/devices.ts';
import { checkEnv, checkLabel } from '../../request/environment.ts';
import { parseMount } from '../../request/mounts.ts';
import { parseNetwork } from '../../request/networks.ts';
import { checkUnsigned, parseBytes, parseGoDuration, parseNanoCpus, swapBytesOf } from '../../request/numbers.ts';

const bytes = { type: 'bytes', check: parseBytes } as const;
const seconds = { type: 'duration', check: parseGoDuration } as const;
const noList = { default: '[]' } as const;

/** Docker's clients refuse these against a Linux engine; ours only knows Linux. */
function windowsOnly(name: string, usage: string, type: string): Flag {
  return textFlag(name, `${usage} (Windows only)`, {
    type,
    hidden: true,
    check: () => {
      throw new Error(`"--${name}" needs an engine on windows, and this one runs on linux`);
    },
  });
}

/** A flag that went out of use but is still taken, without effect. */
function withoutEffect(name: string, deprecated: string, type = 'string'): Flag {
  return textFlag(name, '', { type, hidden: true, deprecated });
}

const processFlags: readonly Flag[] = [
  listFlag('attach', 'Attach to STDIN, STDOUT or STDERR', {
    short: 'a',
    check: checkStream,
    choices: ['stdin', 'stdout', 'stderr'],
  }),
  textFlag('entrypoint', "Run this instead of the image's ENTRYPOINT"),
  listFlag('env', 'Set environment variables', { short: 'e', check: checkEnv }),
  listFlag('env-file', 'Read environment variables from a file'),
  listFlag('group-add', 'Add groups to the process'),
  textFlag('hostname', 'Host name inside the container', { short: 'h' }),
  textFlag('domainname', 'NIS domain name inside the container'),
  boolFlag('help', 'Print usage'),
  boolFlag('init', 'Run an init inside the container that forwards signals and reaps processes'),
  boolFlag('interactive', 'Keep STDIN open even if not attached', { short: 'i' }),
  listFlag('label', 'Set meta data on a container', { short: 'l', check: checkLabel }),
  listFlag('label-file', 'Read labels from a file, one a line'),
  textFlag('restart', 'What to do when the container exits', {
    default: '"no"',
    choices: ['no', 'always', 'unless-stopped', 'on-failure'],
  }),
  boolFlag('rm', 'Remove the container and its anonymous volumes when it exits'),
  textFlag('stop-signal', 'Signal that stops the container'),
  intFlag('stop-timeout', 'Seconds to wait for the container to stop'),
  boolFlag('tty', 'Allocate a pseudo-TTY', { short: 't' }),
  listFlag('ulimit', 'Set ulimits', { type: 'ulimit', ...noList, check: parseUlimit }),
  textFlag('user', 'User name or UID (format: <name|uid>[:<group|gid>])', { short: 'u' }),
  textFlag('workdir', 'Working directory inside the container', { short: 'w' }),
  textFlag('health-cmd', 'Command that checks health'),
  textFlag('health-interval', 'Time between two checks (ms|s|m|h) (default 0s)', seconds),
  intFlag('health-retries', 'Failures in a row that make it unhealthy'),
  textFlag('health-start-interval', 'Time between two checks while it starts (ms|s|m|h) (default 0s)', seconds),
  textFlag('health-start-period', 'Time to start in, before failures count (ms|s|m|h) (default 0s)', seconds),
  textFlag('health-timeout', 'Longest time that one check may take (ms|s|m|h) (default 0s)', seconds),
  boolFlag('no-healthcheck', "Ignore the image's HEALTHCHECK"),
];

const isolationFlags: readonly Flag[] = [
  listFlag('annotation', 'Add an annotation for the OCI runtime', { type: 'map', default: 'map[]' }),
  listFlag('cap-add', 'Add Linux capabilities'),
  listFlag('cap-drop', 'Drop Linux capabilities'),
  textFlag('cgroup-parent', 'Parent cgroup of the container'),
  textFlag(
    'cgroupns',
    "Cgroup namespace to use (host|private)\n'host':    Share the host's cgroup namespace\n'private': Give the container its own cgroup namespace\n'':        Do as the engine is configured (default)",
    { choices: ['host', 'private'] },
  ),
  textFlag('cidfile', 'Write the container ID to this file'),
  textFlag('ipc', 'IPC mode to use', { choices: ['none', 'private', 'shareable', 'host', 'container:'] }),
  textFlag('isolation', 'Isolation technology of the container'),
  textFlag('pid', 'PID namespace to use', { choices: ['host', 'container:'] }),
  boolFlag('privileged', 'Give the container extended privileges'),
  boolFlag('read-only', "Mount the container's root filesystem read-only"),
  textFlag('runtime', 'Runtime to use for this container'),
  listFlag('security-opt', 'Security options'),
  listFlag('sysctl', 'Kernel parameters of its namespaces', { type: 'map', default: 'map[]', check: checkSysctl }),
  textFlag('userns', 'User namespace to use', { choices: ['host'] }),
  textFlag('uts', 'UTS namespace to use', { choices: ['host'] }),
];

const networkFlags: readonly Flag[] = [
  listFlag('add-host', 'Add a host name and its address (host:ip)', { check: parseExtraHost }),
  listFlag('dns', 'Use these DNS servers', { check: checkIpAddress }),
  listFlag('dns-opt', '', { hidden: true }),
  listFlag('dns-option', 'Set options of the resolver'),
  listFlag('dns-search', 'Search these DNS domains', { check: checkDomain }),
  listFlag('expose', 'Expose a port or a range of ports'),
  textFlag('ip', 'IPv4 address (e.g., 172.30.100.104)'),
  textFlag('ip6', 'IPv6 address (e.g., 2001:db8::33)'),
  listFlag('link', 'Link to another container', { check: checkLink }),
  listFlag('link-local-ip', 'Link-local addresses, IPv4 or IPv6'),
  textFlag('mac-address', 'MAC address (e.g., 92:d0:c6:0a:29:33)'),
  listFlag('net', '', { type: 'network', hidden: true, check: parseNetwork }),
  listFlag('net-alias', '', { hidden: true }),
  listFlag('network', 'Connect the container to a network', { type: 'network', check: parseNetwork }),
  listFlag('network-alias', 'Another name of the container on its network'),
  listFlag('publish', "Publish a container's port(s) to the host", { short: 'p' }),
  boolFlag('publish-all', 'Publish every exposed port to a free port', { short: 'P' }),
];

const storageFlags: readonly Flag[] = [
  textFlag('log-driver', 'Logging driver of the container'),
  listFlag('log-opt', 'Options of the logging driver'),
  listFlag('mount', 'Attach a filesystem to the container', {
    type: 'mount',
    check: (text) => parseMount(text, (path) => path),
  }),
  textFlag('shm-size', 'Size of /dev/shm', bytes),
  listFlag('storage-opt', 'Options of the storage driver'),
  listFlag('tmpfs', 'Mount a tmpfs directory'),
  listFlag('volume', 'Mount a volume or a directory of the host', { short: 'v' }),
  textFlag('volume-driver', 'Driver of the volumes it creates'),
  listFlag('volumes-from', 'Mount the volumes of other containers'),
];

/** Limits that `update` takes too. */
export const limitFlags: readonly Flag[] = [
  textFlag('blkio-weight', 'Block I/O weight, 10 to 1000, or 0 for none (default 0)', {
    type: 'uint16',
    check: checkUnsigned(16),
    kind: 'int',
  }),
  intFlag('cpu-period', 'CPU CFS (Completely Fair Scheduler) period'),
  intFlag('cpu-quota', 'CPU CFS (Completely Fair Scheduler) quota'),
  intFlag('cpu-rt-period', 'CPU real-time period in microseconds'),
  intFlag('cpu-rt-runtime', 'CPU real-time runtime in microseconds'),
  intFlag('cpu-shares', 'CPU shares (relative weight)', { short: 'c' }),
  textFlag('cpus', 'Number of CPUs', { type: 'decimal', check: parseNanoCpus }),
  textFlag('cpuset-cpus', 'CPUs it may run on (0-3, 0,1)'),
  textFlag('cpuset-mems', 'Memory nodes it may use (0-3, 0,1)'),
  textFlag('memory', 'Memory limit', { short: 'm', ...bytes }),
  textFlag('memory-reservation', 'Soft limit of memory', bytes),
  textFlag('memory-swap', 'Limit of memory plus swap, -1 for no limit of swap', { type: 'bytes', check: swapBytesOf }),
  intFlag('pids-limit', 'Most processes it may have, -1 for no limit'),
];

const resourceFlags: readonly Flag[] = [
  ...limitFlags,
  listFlag('blkio-weight-device', 'Block I/O weight for one device', { ...noList, check: parseWeight }),
  windowsOnly('cpu-count', 'CPU count', 'int'),
  windowsOnly('cpu-percent', 'CPU percent', 'int'),
  listFlag('device', 'Add a device of the host to the container'),
  listFlag('device-cgroup-rule', 'Add a rule to the list of allowed devices', { check: checkDeviceCgroupRule }),
  listFlag('device-read-bps', 'Limit bytes read per second from a device', { ...noList, check: parseByteRate }),
  listFlag('device-read-iops', 'Limit reads per second from a device', { ...noList, check: parseOperationRate }),
  listFlag('device-write-bps', 'Limit bytes written per second to a device', { ...noList, check: parseByteRate }),
  listFlag('device-write-iops', 'Limit writes per second to a device', { ...noList, check: parseOperationRate }),
  listFlag('gpus', "GPUs to add to the container ('all' for every GPU)", { type: 'gpu-request', check: parseGpus }),
  windowsOnly('io-maxbandwidth', 'Most bytes per second of the system drive', 'bytes'),
  windowsOnly('io-maxiops', 'Most operations per second of the system drive', 'uint'),
  withoutEffect('kernel-memory', 'and no longer supported by the kernel', 'bytes'),
  intFlag('memory-swappiness', "How readily the container's memory is swapped (0 to 100)", { default: '-1' }),
  boolFlag('oom-kill-disable', 'Disable the OOM killer'),
  intFlag('oom-score-adj', 'How readily the OOM killer chooses it (-1000 to 1000)'),
];

/** Flags of `run` and `create` alike. */
export const containerFlags: readonly Flag[] = [
  ...processFlags,
  ...isolationFlags,
  ...networkFlags,
  ...storageFlags,
  ...resourceFlags,
  { ...withoutEffect('disable-content-trust', 'support for docker content trust was removed'), kind: 'bool' },
  textFlag('name', 'Name of the container'),
  textFlag('platform', 'Platform of the image, if the engine knows several'),
  boolFlag('quiet', 'Say nothing while pulling', { short: 'q' }),
];

/** The `--pull` flag, whose help says what comes next. */
export function pullFlag(before: 'running' | 'creating'): Flag {
  return textFlag('pull', `Pull the image before ${before} ("always", "missing", "never")`, {
    default: '"missing"',
    choices: ['always', 'missing', 'never'],
  });
}

function checkStream(text: string): void {
  if (!['stdin', 'stdout', 'stderr'].includes(text.toLowerCase())) {
    throw new Error('valid streams are STDIN, STDOUT and STDERR');
  }
}
