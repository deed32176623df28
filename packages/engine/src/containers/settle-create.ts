import { EngineError, messageOf, parseSignal } from '@gantry/base';
import { normalizeCapabilities } from '@gantry/runtime';
import type { LimitFacts } from './limit-facts.ts';
import { parseSecurityOptions } from './security-options.ts';
import { type Settled, settleResources } from './settle-resources.ts';
import { systemPaths } from './system-paths.ts';
import type { ContainerConfig, CreateRequest, HealthConfig, HostConfig, RestartPolicy } from './types.ts';

/** Clients and compose files name runc; what answers to the name is our own runtime, which speaks the same commands. */
const defaultRuntime = 'runc';
/** What Docker gives /dev/shm when nobody says how much. */
const defaultShmBytes = 64 * 2 ** 20;

/**
 * Checks a create request and fills in the defaults of its host config: everything that is known before the image is
 * looked up, so that a wrong option never starts a pull.
 *
 * `container:<name>` modes still carry the name; the caller replaces it by the ID with `pinSharedModes`.
 *
 * @throws invalid with Docker's texts
 */
export function settleCreate(request: CreateRequest, host: LimitFacts): Settled<HostConfig> {
  const { config, hostConfig } = request;
  checkConflicts(config, hostConfig);
  checkConfig(config);
  checkHostConfig(hostConfig);
  checkCapabilities('CapAdd', hostConfig.capAdd, host);
  checkCapabilities('CapDrop', hostConfig.capDrop, host);
  const resources = settleResources(hostConfig, host, 'create');
  const value = fillDefaults(resources.value, host);
  checkModes(value);
  parseSecurityOptions(value.securityOpt);
  return { value, warnings: [...resources.warnings, ...optionWarnings(value, host)] };
}

/** Replaces the names in `container:<name>` modes by IDs, so that a later rename does not cut the tie. */
export function pinSharedModes(hostConfig: HostConfig, findId: (ref: string) => string | undefined): HostConfig {
  const pin = (mode: string): string => {
    const ref = sharedWith(mode);
    return ref === undefined ? mode : `container:${findId(ref) ?? ref}`;
  };
  return {
    ...hostConfig,
    networkMode: pin(hostConfig.networkMode),
    pidMode: pin(hostConfig.pidMode),
    ipcMode: pin(hostConfig.ipcMode),
  };
}

/** The container that a `container:<ref>` mode names; undefined for every other mode. */
export function sharedWith(mode: string): string | undefined {
  return mode.startsWith('container:') ? mode.slice('container:'.length) : undefined;
}

function checkConflicts(config: ContainerConfig, host: HostConfig): void {
  if (host.utsMode === 'host' && config.hostname !== '') refuse('conflicting options: hostname and the UTS mode');
  if (host.networkMode === 'host' && host.links.length > 0)
    refuse(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    );
  const other = host.networkMode === 'container' ? '' : sharedWith(host.networkMode);
  if (other === undefined) return;
  if (other === '') refuse('invalid network mode: invalid container format container:<name|id>');
  if (config.hostname !== '') refuse('conflicting options: hostname and the network mode');
  if (host.links.length > 0)
    refuse(
      "conflicting options: container type network can't be used with links. This would result in undefined behavior",
    );
  if (host.dns.length > 0) refuse('conflicting options: dns and the network mode');
  if (host.extraHosts.length > 0) refuse('conflicting options: custom host-to-IP mapping and the network mode');
  if (Object.keys(host.portBindings).length > 0 || host.publishAllPorts)
    refuse('conflicting options: port publishing and the container type network mode');
  if (config.exposedPorts.length > 0) refuse('conflicting options: port exposing and the container type network mode');
}

/** HOST_NAME_MAX of Linux. */
const maxHostnameBytes = 64;

function checkConfig(config: ContainerConfig): void {
  if (config.workingDir !== '' && !config.workingDir.startsWith('/'))
    refuse(`the working directory '${config.workingDir}' is invalid, it needs to be an absolute path`);
  if (config.stopSignal !== '') parseSignal(config.stopSignal);
  refuseNul({
    Cmd: config.cmd ?? [],
    Entrypoint: config.entrypoint ?? [],
    User: [config.user],
    WorkingDir: [config.workingDir],
  });
  for (const entry of config.env)
    if (entry === '' || entry.startsWith('=') || entry.includes('\0')) refuse(`invalid environment variable: ${entry}`);
  if (new TextEncoder().encode(config.hostname).length > maxHostnameBytes)
    refuse(`hostname ${JSON.stringify(config.hostname)} is too long (maximum ${maxHostnameBytes} bytes)`);
  for (const port of config.exposedPorts) checkPort(port);
  if (config.healthcheck !== undefined) checkHealthcheck(config.healthcheck);
}

/** No program can be given one: execve ends a text there. @throws invalid, naming the field */
export function refuseNul(texts: Readonly<Record<string, readonly string[]>>): void {
  for (const [field, values] of Object.entries(texts))
    if (values.some((value) => value.includes('\0')))
      refuse(`invalid ${field}: a NUL byte cannot be passed to a program`);
}

/** A healthcheck more often than this would be a busy loop. */
const shortestHealthNanos = 1_000_000;

function checkHealthcheck(health: HealthConfig): void {
  const durations: readonly (readonly [string, number])[] = [
    ['Interval', health.intervalNanos],
    ['Timeout', health.timeoutNanos],
    ['StartPeriod', health.startPeriodNanos],
    ['StartInterval', health.startIntervalNanos],
  ];
  for (const [name, nanos] of durations)
    if (nanos !== 0 && nanos < shortestHealthNanos) refuse(`${name} in Healthcheck cannot be less than 1ms`);
  if (health.retries < 0) refuse('Retries in Healthcheck cannot be negative');
}

function checkHostConfig(host: HostConfig): void {
  const restarts = host.restartPolicy.name !== '' && host.restartPolicy.name !== 'no';
  if (host.autoRemove && restarts) refuse("can't create 'AutoRemove' container with restart policy");
  for (const entry of host.extraHosts) checkExtraHost(entry);
  for (const [port, bindings] of Object.entries(host.portBindings)) {
    checkPort(port);
    for (const { hostPort } of bindings) if (hostPort !== '') checkPortRange(hostPort);
  }
  checkRestartPolicy(host.restartPolicy);
  if (host.isolation !== '' && host.isolation !== 'default')
    refuse(`invalid isolation (${host.isolation}): linux only supports 'default'`);
  if ('' in host.annotations) refuse('invalid Annotations: the empty string is not permitted as an annotation key');
  if (host.shmSizeBytes < 0) refuse('SHM size can not be less than 0');
  if (host.oomScoreAdj < -1000 || host.oomScoreAdj > 1000)
    refuse(`Invalid value ${host.oomScoreAdj}, range for oom score adj is [-1000, 1000]`);
}

function checkCapabilities(field: string, names: readonly string[], host: LimitFacts): void {
  try {
    normalizeCapabilities(names, host.capabilities);
  } catch (cause) {
    throw new EngineError('invalid', `invalid ${field}: ${messageOf(cause)}`, { cause });
  }
}

/** @throws invalid with Docker's texts; `update` asks it too */
export function checkRestartPolicy(policy: RestartPolicy): void {
  const name: string = policy.name;
  switch (name) {
    case '':
      return;
    case 'no':
    case 'always':
    case 'unless-stopped':
      if (policy.maximumRetryCount !== 0)
        refuse(
          `invalid restart policy: maximum retry count can only be used with 'on-failure'${policy.maximumRetryCount < 0 ? ' and cannot be negative' : ''}`,
        );
      return;
    case 'on-failure':
      if (policy.maximumRetryCount < 0) refuse('invalid restart policy: maximum retry count cannot be negative');
      return;
    default:
      refuse(
        `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
      );
  }
}

function checkPort(spec: string): void {
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(spec);
  const number = Number(match?.[1] ?? 0);
  if (number < 1 || number > 65535) refuse(`invalid port specification: "${spec}"`);
}

function checkPortRange(text: string): void {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1] ?? Number.NaN);
  const last = Number(match?.[2] ?? first);
  if (!(first >= 0 && last <= 65535 && first <= last)) refuse(`invalid port specification: "${text}"`);
}

function checkExtraHost(entry: string): void {
  const colon = entry.indexOf(':');
  if (colon < 1) refuse(`bad format for add-host: ${JSON.stringify(entry)}`);
  const address = entry.slice(colon + 1).replace(/^\[(.*)\]$/, '$1');
  if (address !== 'host-gateway' && !/^(\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.%\w]*)$/.test(address))
    refuse(`invalid IP address in add-host: ${JSON.stringify(address)}`);
}

function fillDefaults(host: HostConfig, facts: LimitFacts): HostConfig {
  return {
    ...host,
    // Inspect shows them; a privileged container shows none.
    ...(host.privileged ? {} : systemPaths(host, facts.thermalCpus)),
    networkMode: host.networkMode === '' ? 'default' : host.networkMode,
    memorySwapBytes: host.memoryBytes > 0 && host.memorySwapBytes === 0 ? host.memoryBytes * 2 : host.memorySwapBytes,
    shmSizeBytes: host.shmSizeBytes === 0 ? defaultShmBytes : host.shmSizeBytes,
    ipcMode: host.ipcMode === '' ? 'private' : host.ipcMode,
    cgroupnsMode: host.cgroupnsMode === '' ? (facts.cgroupVersion === '2' ? 'private' : 'host') : host.cgroupnsMode,
    restartPolicy: host.restartPolicy.name === '' ? { ...host.restartPolicy, name: 'no' } : host.restartPolicy,
    oomKillDisable: host.oomKillDisable ?? (facts.oomKillDisable ? false : undefined),
    runtime: host.runtime === '' ? defaultRuntime : host.runtime,
  };
}

function checkModes(host: HostConfig): void {
  const isOneOf = (mode: string, ...plain: string[]): boolean => plain.includes(mode);
  const shares = (mode: string): boolean => mode.startsWith('container:');
  if (!isOneOf(host.ipcMode, 'none', 'private', 'host', 'shareable') && !shares(host.ipcMode))
    refuse(`invalid IPC mode: ${host.ipcMode}`);
  if (!isOneOf(host.pidMode, '', 'host', 'private') && !((sharedWith(host.pidMode) ?? '') !== ''))
    refuse(`invalid PID mode: ${host.pidMode}`);
  if (!isOneOf(host.utsMode, '', 'host')) refuse(`invalid UTS mode: ${host.utsMode}`);
  if (!isOneOf(host.usernsMode, '', 'host')) refuse(`invalid user namespace mode: ${host.usernsMode}`);
  if (!isOneOf(host.cgroupnsMode, 'private', 'host')) refuse(`invalid cgroup namespace mode: ${host.cgroupnsMode}`);
  if (host.cgroup !== '' && !shares(host.cgroup)) refuse(`invalid cgroup: ${host.cgroup}`);
  if (host.cgroup !== '')
    throw new EngineError(
      'unsupported',
      `cannot create container in cgroup "${host.cgroup}": joining another container's cgroup is not supported`,
    );
  if (!isOneOf(host.runtime, defaultRuntime, 'gantry', 'io.containerd.runc.v2'))
    refuse(`unknown or invalid runtime name: ${host.runtime}`);
}

function optionWarnings(host: HostConfig, facts: LimitFacts): string[] {
  const warnings: string[] = [];
  const hasNetwork = host.networkMode !== 'host' && host.networkMode !== 'none';
  if (!facts.ipv4Forwarding && hasNetwork) warnings.push('IPv4 forwarding is disabled. Networking will not work.');
  if (host.networkMode === 'host' && Object.keys(host.portBindings).length > 0)
    warnings.push('Published ports are discarded when using host network mode');
  if ((host.networkMode === 'default' || host.networkMode === 'bridge') && host.links.length > 0)
    warnings.push(
      'Links on the default bridge network are deprecated and will be removed in a future release. Use a custom network instead.',
    );
  return warnings;
}

function refuse(text: string): never {
  throw new EngineError('invalid', text);
}
