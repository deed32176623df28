import { formatTime, type InfoWire, maxApiVersion, minApiVersion, type VersionWire } from '@gantry/api';
import { type EngineInfo, logDrivers } from '@gantry/engine';

/** What the daemon knows of itself and the engine does not. */
export type DaemonFacts = {
  readonly version: string;
  readonly gitCommit: string;
  readonly buildTime: string;
  readonly debug: boolean;
  readonly labels: readonly string[];
  readonly logDriver: string;
  readonly registryMirrors: readonly string[];
  readonly insecureRegistries: readonly string[];
};

/** Node's and Docker's names for a processor differ: `uname` says x86_64 where Go says amd64. */
function goArchitecture(machine: string): string {
  return machine === 'x86_64' ? 'amd64' : machine === 'aarch64' ? 'arm64' : machine;
}

export function printVersion(info: EngineInfo, facts: DaemonFacts): VersionWire {
  const details = {
    ApiVersion: maxApiVersion,
    Arch: goArchitecture(info.architecture),
    BuildTime: facts.buildTime,
    Experimental: 'false',
    GitCommit: facts.gitCommit,
    GoVersion: '',
    KernelVersion: info.kernelVersion,
    MinAPIVersion: minApiVersion,
    Os: 'linux',
    // An engine without it would take a dry run for the real thing: our command line asks before it sends one.
    Plans: 'true',
  };
  return {
    Platform: { Name: 'Gantry' },
    Components: [{ Name: 'Engine', Version: facts.version, Details: details }],
    Version: facts.version,
    ApiVersion: maxApiVersion,
    MinAPIVersion: minApiVersion,
    GitCommit: facts.gitCommit,
    GoVersion: '',
    Os: 'linux',
    Arch: details.Arch,
    KernelVersion: info.kernelVersion,
    BuildTime: facts.buildTime,
  };
}

function printRegistries(facts: DaemonFacts): InfoWire['RegistryConfig'] {
  const hosts = facts.insecureRegistries.filter((entry) => !entry.includes('/'));
  const index = (name: string, official: boolean): InfoWire['RegistryConfig']['IndexConfigs'][string] => ({
    Mirrors: official ? facts.registryMirrors : [],
    Name: name,
    Official: official,
    Secure: official,
  });
  const entries = [
    ['docker.io', index('docker.io', true)] as const,
    ...hosts.map((host) => [host, index(host, false)] as const),
  ];
  return {
    IndexConfigs: Object.fromEntries(entries),
    InsecureRegistryCIDRs: [
      '127.0.0.0/8',
      '::1/128',
      ...facts.insecureRegistries.filter((entry) => entry.includes('/')),
    ],
    Mirrors: facts.registryMirrors.length === 0 ? null : facts.registryMirrors,
  };
}

const inactiveSwarm = {
  NodeID: '',
  NodeAddr: '',
  LocalNodeState: 'inactive',
  ControlAvailable: false,
  Error: '',
  RemoteManagers: null,
};

export function printInfo(info: EngineInfo, facts: DaemonFacts): InfoWire {
  const { running, paused, stopped } = info.containers;
  return {
    ID: info.id,
    Containers: running + paused + stopped,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: stopped,
    Images: info.images,
    Driver: info.storageDriver,
    DriverStatus: info.storageStatus.length === 0 ? null : info.storageStatus,
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'null'],
      Authorization: null,
      Log: logDrivers,
    },
    MemoryLimit: true,
    SwapLimit: true,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    IPv4Forwarding: true,
    Debug: facts.debug,
    NFd: info.openFileDescriptors,
    OomKillDisable: info.cgroupVersion === '1',
    NGoroutines: 0,
    SystemTime: formatTime(info.now),
    LoggingDriver: facts.logDriver,
    CgroupDriver: 'cgroupfs',
    CgroupVersion: info.cgroupVersion,
    NEventsListener: 0,
    KernelVersion: info.kernelVersion,
    OperatingSystem: info.operatingSystem,
    OSVersion: info.osVersion,
    OSType: 'linux',
    Architecture: info.architecture,
    IndexServerAddress: info.indexServerAddress,
    RegistryConfig: printRegistries(facts),
    NCPU: info.cpus,
    MemTotal: info.memoryBytes,
    GenericResources: null,
    DockerRootDir: info.dataRoot,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: info.hostname,
    Labels: facts.labels,
    ExperimentalBuild: false,
    ServerVersion: facts.version,
    Runtimes: { runc: { path: 'gantry runtime' } },
    DefaultRuntime: 'runc',
    Swarm: inactiveSwarm,
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: 'gantry-init',
    ContainerdCommit: { ID: '' },
    RuncCommit: { ID: '' },
    InitCommit: { ID: '' },
    SecurityOptions: info.securityOptions,
    CDISpecDirs: [],
    Warnings: info.warnings.length === 0 ? null : info.warnings,
  };
}
