import type { InfoWire } from '@gantry/api';
import { formatBinarySize } from '@gantry/base';

export type ClientInfo = { readonly Version: string; readonly Context: string; readonly Debug: boolean };

/** The text of `info`: one fact a line, in Docker's order and words. */
export function formatInfo(info: InfoWire, client: ClientInfo): string {
  const lines = [
    'Client:',
    ` Version:    ${client.Version}`,
    ` Context:    ${client.Context}`,
    ` Debug Mode: ${client.Debug}`,
    '',
    'Server:',
    ...serverLines(info),
    '',
  ];
  return `${lines.join('\n')}\n`;
}

function serverLines(info: InfoWire): string[] {
  return [
    ` Containers: ${info.Containers}`,
    `  Running: ${info.ContainersRunning}`,
    `  Paused: ${info.ContainersPaused}`,
    `  Stopped: ${info.ContainersStopped}`,
    ` Images: ${info.Images}`,
    ...given(' Server Version:', info.ServerVersion),
    ...given(' Storage Driver:', info.Driver),
    ...(info.DriverStatus ?? []).map(([name, value]) => `  ${name}: ${value}`),
    ...given(' Logging Driver:', info.LoggingDriver),
    ...given(' Cgroup Driver:', info.CgroupDriver),
    ...given(' Cgroup Version:', info.CgroupVersion),
    ...pluginLines(info),
    ...listed(' CDI spec directories:', info.CDISpecDirs),
    ` Swarm: ${String(info.Swarm?.LocalNodeState ?? 'inactive')}`,
    ...runtimeLines(info),
    ...securityLines(info.SecurityOptions ?? []),
    ...machineLines(info),
    ...registryLines(info),
    ` Live Restore Enabled: ${info.LiveRestoreEnabled}`,
  ];
}

function pluginLines({ Plugins }: InfoWire): string[] {
  return [
    ' Plugins:',
    `  Volume: ${(Plugins.Volume ?? []).join(' ')}`,
    `  Network: ${(Plugins.Network ?? []).join(' ')}`,
    ...((Plugins.Authorization ?? []).length === 0 ? [] : [`  Authorization: ${Plugins.Authorization?.join(' ')}`]),
    `  Log: ${(Plugins.Log ?? []).join(' ')}`,
  ];
}

function runtimeLines(info: InfoWire): string[] {
  const names = Object.keys(info.Runtimes ?? {});
  const runtimes =
    names.length === 0 ? [] : [` Runtimes: ${names.join(' ')}`, ` Default Runtime: ${info.DefaultRuntime}`];
  return [
    ...runtimes,
    ` Init Binary: ${info.InitBinary}`,
    ` containerd version: ${info.ContainerdCommit?.ID ?? ''}`,
    ` runc version: ${info.RuncCommit?.ID ?? ''}`,
    ` init version: ${info.InitCommit?.ID ?? ''}`,
  ];
}

/** `name=seccomp,profile=builtin` as a name and, below it, its profile. */
function securityLines(options: readonly string[]): string[] {
  const lines = options.flatMap((option) => {
    const fields = option.split(',').map((field) => field.split('='));
    const name = fields.find(([key]) => key === 'name')?.[1] ?? option;
    const profile = fields.find(([key]) => key === 'profile')?.[1];
    return [`  ${name}`, ...(profile === undefined ? [] : [`   Profile: ${profile}`])];
  });
  return lines.length === 0 ? [] : [' Security Options:', ...lines];
}

function machineLines(info: InfoWire): string[] {
  return [
    ...given(' Kernel Version:', info.KernelVersion),
    ...given(' Operating System:', info.OperatingSystem),
    ...given(' OSType:', info.OSType),
    ...given(' Architecture:', info.Architecture),
    ` CPUs: ${info.NCPU}`,
    ` Total Memory: ${formatBinarySize(info.MemTotal)}`,
    ...given(' Name:', info.Name),
    ...given(' ID:', info.ID),
    ` Docker Root Dir: ${info.DockerRootDir}`,
    ` Debug Mode: ${info.Debug}`,
    ...(info.Debug ? debugLines(info) : []),
    ...given(' HTTP Proxy:', info.HttpProxy),
    ...given(' HTTPS Proxy:', info.HttpsProxy),
    ...given(' No Proxy:', info.NoProxy),
    ...listed(' Labels:', info.Labels),
    ` Experimental: ${info.ExperimentalBuild}`,
  ];
}

function debugLines(info: InfoWire): string[] {
  return [
    `  File Descriptors: ${info.NFd}`,
    `  Goroutines: ${info.NGoroutines}`,
    `  System Time: ${info.SystemTime}`,
    `  EventsListeners: ${info.NEventsListener}`,
  ];
}

function registryLines({ RegistryConfig }: InfoWire): string[] {
  const open = Object.values(RegistryConfig?.IndexConfigs ?? {}).filter((index) => !index.Secure);
  const insecure = [...open.map((index) => index.Name), ...(RegistryConfig?.InsecureRegistryCIDRs ?? [])];
  return [...listed(' Insecure Registries:', insecure), ...listed(' Registry Mirrors:', RegistryConfig?.Mirrors ?? [])];
}

function given(label: string, value: string | undefined): string[] {
  return value === undefined || value === '' ? [] : [`${label} ${value}`];
}

function listed(label: string, values: readonly string[] | undefined | null): string[] {
  return values === undefined || values === null || values.length === 0
    ? []
    : [label, ...values.map((value) => `  ${value}`)];
}
