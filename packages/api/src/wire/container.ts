import type { Json } from '../codec/json.ts';
import type { DescriptorWire } from './image.ts';

/** Docker's documents about containers, member for member as they stand on the wire. */

export type PortSummaryWire = { IP?: string; PrivatePort: number; PublicPort?: number; Type: string };
export type MountPointWire = {
  Type: string;
  Name?: string;
  Source: string;
  Destination: string;
  Driver?: string;
  Mode: string;
  RW: boolean;
  Propagation: string;
};

export type EndpointSettingsWire = {
  IPAMConfig: Json;
  Links: readonly string[] | null;
  Aliases: readonly string[] | null;
  MacAddress: string;
  DriverOpts: Readonly<Record<string, string>> | null;
  GwPriority: number;
  NetworkID: string;
  EndpointID: string;
  Gateway: string;
  IPAddress: string;
  IPPrefixLen: number;
  IPv6Gateway: string;
  GlobalIPv6Address: string;
  GlobalIPv6PrefixLen: number;
  DNSNames: readonly string[] | null;
};

export type ContainerSummaryWire = {
  Id: string;
  Names: readonly string[];
  Image: string;
  ImageID: string;
  Command: string;
  Created: number;
  Ports: readonly PortSummaryWire[];
  SizeRw?: number;
  SizeRootFs?: number;
  Labels: Readonly<Record<string, string>>;
  State: string;
  Status: string;
  HostConfig: { NetworkMode: string; Annotations?: Readonly<Record<string, string>> };
  NetworkSettings: { Networks: Readonly<Record<string, EndpointSettingsWire>> };
  Mounts: readonly MountPointWire[];
  ImageManifestDescriptor?: DescriptorWire;
};

export type ContainerStateWire = {
  Status: string;
  Running: boolean;
  Paused: boolean;
  Restarting: boolean;
  OOMKilled: boolean;
  Dead: boolean;
  Pid: number;
  ExitCode: number;
  Error: string;
  StartedAt: string;
  FinishedAt: string;
  Health?: { Status: string; FailingStreak: number; Log: readonly Json[] };
};

export type PortMapWire = Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>>;

export type NetworkSettingsWire = {
  Bridge: string;
  SandboxID: string;
  SandboxKey: string;
  Ports: PortMapWire;
  HairpinMode: boolean;
  LinkLocalIPv6Address: string;
  LinkLocalIPv6PrefixLen: number;
  SecondaryIPAddresses: null;
  SecondaryIPv6Addresses: null;
  EndpointID: string;
  Gateway: string;
  GlobalIPv6Address: string;
  GlobalIPv6PrefixLen: number;
  IPAddress: string;
  IPPrefixLen: number;
  IPv6Gateway: string;
  MacAddress: string;
  Networks: Readonly<Record<string, EndpointSettingsWire>>;
};

export type ContainerInspectWire = {
  Id: string;
  Created: string;
  Path: string;
  Args: readonly string[];
  State: ContainerStateWire;
  Image: string;
  ResolvConfPath: string;
  HostnamePath: string;
  HostsPath: string;
  LogPath: string;
  Name: string;
  RestartCount: number;
  Driver: string;
  Platform: string;
  MountLabel: string;
  ProcessLabel: string;
  AppArmorProfile: string;
  ExecIDs: readonly string[] | null;
  /** The members of `hostConfig`'s codec, and Windows' own, which are always zero here. */
  HostConfig: { readonly [member: string]: Json | undefined };
  GraphDriver: { Data: Readonly<Record<string, string>> | null; Name: string };
  SizeRw?: number;
  SizeRootFs?: number;
  Mounts: readonly MountPointWire[];
  ImageManifestDescriptor?: DescriptorWire;
  Config: { readonly [member: string]: Json | undefined };
  NetworkSettings: NetworkSettingsWire;
};

export type ContainerCreatedWire = { Id: string; Warnings: readonly string[] };
export type ContainerTopWire = { Processes: readonly (readonly string[])[]; Titles: readonly string[] };
export type ContainerWaitWire = { StatusCode: number; Error?: { Message: string } };
export type ContainerUpdatedWire = { Warnings: readonly string[] | null };
export type ContainersPrunedWire = { ContainersDeleted: readonly string[] | null; SpaceReclaimed: number };

export type ExecCreatedWire = { Id: string };
export type ExecInspectWire = {
  ID: string;
  Running: boolean;
  ExitCode: number | null;
  ProcessConfig: {
    tty: boolean;
    entrypoint: string;
    arguments: readonly string[];
    privileged: boolean;
    user?: string;
  };
  OpenStdin: boolean;
  OpenStderr: boolean;
  OpenStdout: boolean;
  CanRemove: boolean;
  ContainerID: string;
  DetachKeys: string;
  Pid: number;
};

/** `Kind`: 0 modified, 1 added, 2 deleted. */
export type ContainerChangeWire = { readonly Path: string; readonly Kind: 0 | 1 | 2 };

export type ContainerCommittedWire = { readonly Id: string };

/** What the header `X-Docker-Container-Path-Stat` holds; `mode` is Go's, not the kernel's. */
export type PathStatWire = {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  readonly mtime: string;
  readonly linkTarget: string;
};
