import { createBody, hostConfig, type ValueOf } from '@gantry/api';
import { flagBool, flagInt, flagList, flagText, type ParsedFlags } from '@gantry/base';
import { isMacAddress, parseExtraHost } from './addresses.ts';
import { pairsToRecord } from './csv.ts';
import { collectEnv, collectLabels, type EnvironmentSource } from './environment.ts';
import { parseHealth } from './health.ts';
import { parseMount } from './mounts.ts';
import { isUserDefined, type NetworkRequest, parseNetworks } from './networks.ts';
import { bytesOf } from './numbers.ts';
import { type PortRequest, parsePorts } from './ports.ts';
import { parseResources } from './resources.ts';
import { parseRestartPolicy } from './restart-policy.ts';
import { parseSecurity } from './security.ts';
import { parseTmpfs, parseVolumes, type VolumeRequest } from './volumes.ts';

export type ContainerRequest = ValueOf<typeof createBody>;
type ContainerConfig = ContainerRequest['config'];
type HostConfig = ContainerRequest['hostConfig'];

/** What a command line needs of the world to become a request. */
export type RequestSource = EnvironmentSource & {
  /** Makes a path absolute from the user's directory. */
  readonly absolute: (path: string) => string;
};

export type RequestWords = { readonly image: string; readonly command: readonly string[] };

/**
 * Turns the flags of `run` and `create` into the body of a container's creation.
 *
 * @throws Error in Docker's words, for flags that are fine one by one and wrong together
 */
export function containerRequest(flags: ParsedFlags, words: RequestWords, source: RequestSource): ContainerRequest {
  const mac = flagText(flags, 'mac-address') ?? '';
  if (mac !== '' && !isMacAddress(mac.trim())) throw new Error(`${mac} is not a valid mac address`);
  const volumes = parseVolumes(flagList(flags, 'volume'), source.absolute);
  const ports = parsePorts(flagList(flags, 'publish'), flagList(flags, 'expose'));
  const networks = parseNetworks(flags);
  const config = configOf(flags, words, { source, volumes, ports });
  const host = hostConfigOf(flags, { source, volumes, ports, networks });
  if (host.autoRemove && !['', 'no'].includes(host.restartPolicy.name)) {
    throw new Error('conflicting options: cannot specify both --restart and --rm');
  }
  return { config, hostConfig: host, endpoints: networks.endpoints };
}

type Parsed = { readonly source: RequestSource; readonly volumes: VolumeRequest; readonly ports: PortRequest };

function configOf(flags: ParsedFlags, words: RequestWords, { source, volumes, ports }: Parsed): ContainerConfig {
  const attach = flagList(flags, 'attach').map((stream) => stream.toLowerCase());
  const interactive = flagBool(flags, 'interactive');
  const attachStdin = interactive || attach.includes('stdin');
  const labels = collectLabels(flagList(flags, 'label-file'), flagList(flags, 'label'), source.readFile);
  return {
    ...createBody.zero.config,
    hostname: flagText(flags, 'hostname') ?? '',
    domainname: flagText(flags, 'domainname') ?? '',
    user: flagText(flags, 'user') ?? '',
    attachStdin,
    attachStdout: attach.length === 0 || attach.includes('stdout'),
    attachStderr: attach.length === 0 || attach.includes('stderr'),
    exposedPorts: ports.exposed,
    tty: flagBool(flags, 'tty'),
    openStdin: interactive,
    // The one client that holds stdin closes it: otherwise `echo x | run -i cat` would never end.
    stdinOnce: interactive && attachStdin,
    env: collectEnv(flagList(flags, 'env-file'), flagList(flags, 'env'), source),
    cmd: words.command.length === 0 ? undefined : words.command,
    healthcheck: parseHealth(flags),
    image: words.image,
    volumes: volumes.anonymous,
    workingDir: flagText(flags, 'workdir') ?? '',
    // `--entrypoint ""` is a request of its own: it clears the image's.
    entrypoint: flags.values.has('entrypoint') ? [flagText(flags, 'entrypoint') ?? ''] : undefined,
    labels: pairsToRecord(labels),
    stopSignal: flagText(flags, 'stop-signal') ?? '',
    stopTimeoutSeconds: flagInt(flags, 'stop-timeout'),
  };
}

type ParsedHost = Parsed & { readonly networks: NetworkRequest };

function hostConfigOf(flags: ParsedFlags, parsed: ParsedHost): HostConfig {
  return {
    ...hostConfig.zero,
    ...parseResources(flags),
    ...namespacesOf(flags),
    ...networkingOf(flags, parsed),
    ...storageOf(flags, parsed),
    ...securityOf(flags, parsed.source),
    containerIdFile: flagText(flags, 'cidfile') ?? '',
    logConfig: logConfigOf(flags),
    restartPolicy: parseRestartPolicy(flagText(flags, 'restart') ?? 'no'),
    autoRemove: flagBool(flags, 'rm'),
    annotations: pairsToRecord(flagList(flags, 'annotation')),
    oomScoreAdj: flagInt(flags, 'oom-score-adj') ?? 0,
    sysctls: pairsToRecord(flagList(flags, 'sysctl')),
    runtime: flagText(flags, 'runtime') ?? '',
    isolation: flagText(flags, 'isolation') ?? '',
    init: flags.values.has('init') ? flagBool(flags, 'init') : undefined,
  };
}

function namespacesOf(flags: ParsedFlags): Partial<HostConfig> {
  const mode = (name: string, complaint: string, allowed: (value: string) => boolean): string => {
    const value = flagText(flags, name) ?? '';
    if (value !== '' && !allowed(value)) throw new Error(`--${name}: invalid ${complaint} mode`);
    return value;
  };
  return {
    pidMode: mode('pid', 'PID', (value) => value === 'host' || /^container:.+/.test(value)),
    utsMode: mode('uts', 'UTS', (value) => value === 'host'),
    usernsMode: mode('userns', 'USER', (value) => value === 'host'),
    cgroupnsMode: mode('cgroupns', 'CGROUP', (value) => value === 'host' || value === 'private'),
    ipcMode: flagText(flags, 'ipc') ?? '',
  };
}

function networkingOf(flags: ParsedFlags, { ports, networks }: ParsedHost): Partial<HostConfig> {
  return {
    networkMode: networks.mode,
    portBindings: ports.bindings,
    publishAllPorts: flagBool(flags, 'publish-all'),
    dns: flagList(flags, 'dns').map((address) => address.trim()),
    dnsOptions: [...flagList(flags, 'dns-option'), ...flagList(flags, 'dns-opt')],
    dnsSearch: flagList(flags, 'dns-search').map((domain) => domain.trim()),
    extraHosts: flagList(flags, 'add-host').map((host) => parseExtraHost(host)),
    // On a user's network a link is an alias of the endpoint; on the default bridge it is the old kind.
    links: isUserDefined(networks.mode) ? [] : flagList(flags, 'link'),
  };
}

function storageOf(flags: ParsedFlags, { source, volumes }: Parsed): Partial<HostConfig> {
  return {
    binds: volumes.binds,
    mounts: flagList(flags, 'mount').map((mount) => parseMount(mount, source.absolute)),
    tmpfs: parseTmpfs(flagList(flags, 'tmpfs')),
    volumeDriver: flagText(flags, 'volume-driver') ?? '',
    volumesFrom: flagList(flags, 'volumes-from'),
    storageOpt: storageOptionsOf(flagList(flags, 'storage-opt')),
    shmSizeBytes: bytesOf(flagText(flags, 'shm-size')),
    readonlyRootfs: flagBool(flags, 'read-only'),
  };
}

function storageOptionsOf(options: readonly string[]): Record<string, string> {
  if (options.some((option) => !option.includes('='))) throw new Error('invalid storage option');
  return pairsToRecord(options);
}

function securityOf(flags: ParsedFlags, source: RequestSource): Partial<HostConfig> {
  const security = parseSecurity(flagList(flags, 'security-opt'), source.readFile);
  const paths = security.isUnmasked ? [] : undefined;
  return {
    capAdd: flagList(flags, 'cap-add'),
    capDrop: flagList(flags, 'cap-drop'),
    groupAdd: flagList(flags, 'group-add'),
    privileged: flagBool(flags, 'privileged'),
    securityOpt: security.options,
    maskedPaths: paths,
    readonlyPaths: paths,
  };
}

function logConfigOf(flags: ParsedFlags): HostConfig['logConfig'] {
  const type = flagText(flags, 'log-driver') ?? '';
  const options = flagList(flags, 'log-opt');
  if (type === 'none' && options.length > 0) throw new Error(`invalid logging opts for driver ${type}`);
  return { type, config: pairsToRecord(options) };
}
