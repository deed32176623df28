import { EngineError } from '@gantry/base';
import {
  type LinuxSeccomp,
  type LinuxSpec,
  type RuntimeProcess,
  type RuntimeSpec,
  runtimeSpecVersion,
} from '@gantry/oci';
import { chooseCapabilities, defaultSeccompProfile, parseSeccompProfile, resolveSeccompProfile } from '@gantry/runtime';
import { composeDeviceRules } from './compose-devices.ts';
import { composeEnvironment } from './compose-environment.ts';
import { composeMounts } from './compose-mounts.ts';
import { composeNamespaces } from './compose-namespaces.ts';
import { composeResources } from './compose-resources.ts';
import { composeSysctls } from './compose-sysctls.ts';
import { initTarget, usesInit } from './init.ts';
import { parseSecurityOptions, type SecurityOptions } from './security-options.ts';
import type { StartFacts } from './start-facts.ts';
import { systemPaths } from './system-paths.ts';
import type { ContainerRecord, HostConfig } from './types.ts';

/** A config.json, and what the plan compiler needs beside it because the specification has no word for it. */
export type ComposedConfig = {
  readonly spec: RuntimeSpec;
  /** Docker's USER text and `--group-add`, looked up in the container's own files. */
  readonly user: { readonly spec: string; readonly groups: readonly string[] };
  /** Volumes to fill from the image. Right at the first start only. */
  readonly copyUp: readonly { readonly source: string; readonly hostTarget: string }[];
  /** By mount destination. */
  readonly subpaths: Readonly<Record<string, string>>;
};

/**
 * Composes a container's OCI config.json from its row and the facts of this start: Docker's defaults under the user's
 * options.
 *
 * @throws invalid with Docker's texts, for what only shows at a start
 */
export function composeConfig(record: ContainerRecord, facts: StartFacts): ComposedConfig {
  const { config, hostConfig } = record;
  const security = parseSecurityOptions(hostConfig.securityOpt);
  if (hostConfig.deviceRequests.length > 0) refuseDeviceRequest(hostConfig);
  const volumes = record.mountPoints.filter((point) => point.type === 'volume');
  return {
    spec: {
      ociVersion: runtimeSpecVersion,
      root: { path: facts.rootPath, readonly: hostConfig.readonlyRootfs },
      mounts: composeMounts(record, facts, security),
      process: composeProcess(record, facts, security),
      ...(hostConfig.utsMode === 'host' ? {} : { hostname: facts.hostname }),
      ...(config.domainname === '' ? {} : { domainname: config.domainname }),
      annotations: hostConfig.annotations,
      linux: composeLinux(record, facts, security),
    },
    user: { spec: config.user, groups: hostConfig.groupAdd },
    copyUp: volumes
      .filter((point) => point.copyUp && point.subpath === '')
      .map((point) => ({ source: point.destination, hostTarget: point.source })),
    subpaths: Object.fromEntries(
      volumes.filter((point) => point.subpath !== '').map((point) => [point.destination, point.subpath]),
    ),
  };
}

function composeProcess(record: ContainerRecord, facts: StartFacts, security: SecurityOptions): RuntimeProcess {
  const { config, hostConfig } = record;
  const capabilities = capabilitiesOf(hostConfig, facts);
  const [rows, columns] = hostConfig.consoleSize;
  return {
    terminal: config.tty,
    ...(config.tty && rows > 0 && columns > 0 ? { consoleSize: { height: rows, width: columns } } : {}),
    cwd: config.workingDir || '/',
    env: composeEnvironment(config, facts.hostname),
    args: usesInit(hostConfig) ? [initTarget, '--', ...record.command] : record.command,
    // The user text is looked up inside the container; this is what holds until then.
    user: { uid: 0, gid: 0 },
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    rlimits: hostConfig.ulimits.map(({ name, soft, hard }) => ({ type: `RLIMIT_${name.toUpperCase()}`, soft, hard })),
    noNewPrivileges: security.noNewPrivileges,
    ...(facts.host.apparmor && security.apparmor !== undefined ? { apparmorProfile: security.apparmor } : {}),
    // Written even when 0, or the container would inherit the daemon's own, lower one.
    oomScoreAdj: hostConfig.oomScoreAdj,
  };
}

function composeLinux(record: ContainerRecord, facts: StartFacts, security: SecurityOptions): LinuxSpec {
  const { hostConfig } = record;
  const seccomp = seccompOf(hostConfig, facts, security);
  return {
    namespaces: composeNamespaces(hostConfig, facts),
    cgroupsPath: facts.cgroupPath,
    sysctl: composeSysctls(hostConfig, facts),
    devices: facts.devices.map(({ access: _access, ...device }) => device),
    resources: { ...composeResources(hostConfig, facts.deviceNumbers), devices: composeDeviceRules(hostConfig, facts) },
    ...(seccomp === undefined ? {} : { seccomp }),
    ...systemPaths(hostConfig, facts.thermalCpus),
  };
}

/** What the container may do as root; also what a privileged exec falls back to. */
export function capabilitiesOf(hostConfig: HostConfig, facts: Pick<StartFacts, 'host'>): readonly string[] {
  return chooseCapabilities({
    add: hostConfig.capAdd,
    drop: hostConfig.capDrop,
    privileged: hostConfig.privileged,
    available: facts.host.capabilities,
  });
}

/** The filter of a container; undefined: none. A privileged one has a filter only when it asked for one. */
export function seccompOf(
  hostConfig: HostConfig,
  facts: Pick<StartFacts, 'host'>,
  security: SecurityOptions = parseSecurityOptions(hostConfig.securityOpt),
): LinuxSeccomp | undefined {
  const choice = security.seccomp;
  if (choice === 'unconfined' || (choice === undefined && hostConfig.privileged)) return undefined;
  const isCustom = choice !== undefined && choice !== 'builtin';
  if (!facts.host.seccomp) {
    if (isCustom)
      throw new EngineError('invalid', 'seccomp is not enabled in your kernel, cannot run with a custom profile');
    return undefined;
  }
  const profile = isCustom ? parseSeccompProfile(choice) : defaultSeccompProfile;
  return resolveSeccompProfile(profile, facts.host, capabilitiesOf(hostConfig, facts));
}

function refuseDeviceRequest(hostConfig: HostConfig): never {
  const [request] = hostConfig.deviceRequests;
  const capabilities = (request?.capabilities ?? []).map((group) => `[${group.join(' ')}]`).join(' ');
  throw new EngineError(
    'invalid',
    `could not select device driver ${JSON.stringify(request?.driver ?? '')} with capabilities: [${capabilities}]`,
  );
}
