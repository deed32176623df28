import {
  type ContainerInspectWire,
  type ContainerSummaryWire,
  containerConfig,
  type DescriptorWire,
  formatTime,
  hostConfig,
  isJsonObject,
  type JsonObject,
  type MountPointWire,
  unixSeconds,
} from '@gantry/api';
import type { ContainerView, HostConfig, ImageRecord, MountPoint } from '@gantry/engine';
import { printEndpoints, printNetworkSettings } from './endpoints.ts';
import { printGraphDriver } from './graph-driver.ts';
import { printDescriptor } from './image.ts';
import { printPortList } from './ports.ts';
import { printState, stateWord, statusText } from './status.ts';

function printMount(mount: MountPoint): MountPointWire {
  return {
    Type: mount.type,
    ...(mount.name === '' ? {} : { Name: mount.name }),
    Source: mount.source,
    Destination: mount.destination,
    ...(mount.driver === '' ? {} : { Driver: mount.driver }),
    Mode: mount.mode,
    RW: mount.writable,
    Propagation: mount.propagation,
  };
}

// Members of Windows containers: always there, always zero.
const windowsLimits: JsonObject = { CpuCount: 0, CpuPercent: 0, IOMaximumIOps: 0, IOMaximumBandwidth: 0 };

function printHostConfig(config: HostConfig): JsonObject {
  const wire = hostConfig.print(config);
  return { ...(isJsonObject(wire) ? wire : {}), ...windowsLimits };
}

function sizesOf(view: ContainerView): { SizeRw?: number; SizeRootFs?: number } {
  return {
    ...(view.sizeRw === undefined ? {} : { SizeRw: view.sizeRw }),
    ...(view.sizeRootFs === undefined ? {} : { SizeRootFs: view.sizeRootFs }),
  };
}

/** The whole document of one container, as `docker inspect` shows it. `image` is what it was made from, if that is here. */
export function printContainer(
  view: ContainerView,
  { storageDriver, image }: { readonly storageDriver: string; readonly image: ImageRecord | undefined },
): ContainerInspectWire {
  const config = containerConfig.print(view.config);
  return {
    Id: view.id,
    Created: formatTime(view.createdAt),
    Path: view.command[0] ?? '',
    Args: view.command.slice(1),
    State: printState(view),
    Image: view.imageId,
    ResolvConfPath: view.resolvConfPath,
    HostnamePath: view.hostnamePath,
    HostsPath: view.hostsPath,
    LogPath: view.logPath,
    Name: `/${view.name}`,
    RestartCount: view.restartCount,
    Driver: storageDriver,
    Platform: view.platform.split('/')[0] ?? 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: view.execIds.length === 0 ? null : view.execIds,
    HostConfig: printHostConfig(view.hostConfig),
    GraphDriver: printGraphDriver(storageDriver, view.stack, view.id),
    ...sizesOf(view),
    Mounts: view.mountPoints.map(printMount),
    Config: isJsonObject(config) ? config : {},
    NetworkSettings: printNetworkSettings(view),
    ...manifestOf(image),
  };
}

function manifestOf(image: ImageRecord | undefined): { ImageManifestDescriptor?: DescriptorWire } {
  return image?.manifest === undefined ? {} : { ImageManifestDescriptor: printDescriptor(image.manifest, image) };
}

function commandLine(command: readonly string[]): string {
  const [path = '', ...rest] = command;
  return [path, ...rest.map((argument) => (argument.includes(' ') ? `'${argument}'` : argument))].join(' ');
}

/**
 * One row of a list.
 *
 * @param name what the image is called today: its ID once the name it was made from means another image
 */
export function printContainerRow(
  view: ContainerView,
  { name, image }: { readonly name: string; readonly image: ImageRecord | undefined },
  now: Date,
): ContainerSummaryWire {
  const annotations = view.hostConfig.annotations;
  const ports = { exposed: view.config.exposedPorts, published: view.ports };
  return {
    Id: view.id,
    Names: [`/${view.name}`],
    Image: name,
    ImageID: view.imageId,
    Command: commandLine(view.command),
    Created: unixSeconds(view.createdAt),
    Ports: view.status.kind === 'running' ? printPortList(ports) : [],
    ...(view.sizeRw === undefined || view.sizeRw === 0 ? {} : { SizeRw: view.sizeRw }),
    ...(view.sizeRootFs === undefined || view.sizeRootFs === 0 ? {} : { SizeRootFs: view.sizeRootFs }),
    Labels: view.config.labels,
    State: stateWord(view.status),
    Status: statusText(view.status, view.unresponsive === undefined ? view.health?.status : 'unresponsive', now),
    HostConfig: {
      NetworkMode: view.hostConfig.networkMode,
      ...(Object.keys(annotations).length === 0 ? {} : { Annotations: annotations }),
    },
    NetworkSettings: { Networks: printEndpoints(view.endpoints, { withNames: false }) },
    Mounts: view.mountPoints.map(printMount),
    ...manifestOf(image),
  };
}
