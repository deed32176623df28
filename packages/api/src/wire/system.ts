import type { Json } from '../codec/json.ts';
import type { ContainerSummaryWire } from './container.ts';
import type { ImageSummaryWire } from './image.ts';
import type { VolumeWire } from './volume.ts';

export type VersionWire = {
  Platform: { Name: string };
  Components: readonly { Name: string; Version: string; Details: Readonly<Record<string, string>> }[];
  Version: string;
  ApiVersion: string;
  MinAPIVersion: string;
  GitCommit: string;
  GoVersion: string;
  Os: string;
  Arch: string;
  KernelVersion: string;
  Experimental?: boolean;
  BuildTime: string;
};

export type InfoWire = {
  ID: string;
  Containers: number;
  ContainersRunning: number;
  ContainersPaused: number;
  ContainersStopped: number;
  Images: number;
  Driver: string;
  DriverStatus: readonly (readonly [string, string])[] | null;
  Plugins: {
    Volume: readonly string[];
    Network: readonly string[];
    Authorization: readonly string[] | null;
    Log: readonly string[];
  };
  MemoryLimit: boolean;
  SwapLimit: boolean;
  CpuCfsPeriod: boolean;
  CpuCfsQuota: boolean;
  CPUShares: boolean;
  CPUSet: boolean;
  PidsLimit: boolean;
  IPv4Forwarding: boolean;
  Debug: boolean;
  NFd: number;
  OomKillDisable: boolean;
  NGoroutines: number;
  SystemTime: string;
  LoggingDriver: string;
  CgroupDriver: string;
  CgroupVersion: string;
  NEventsListener: number;
  KernelVersion: string;
  OperatingSystem: string;
  OSVersion: string;
  OSType: string;
  Architecture: string;
  IndexServerAddress: string;
  RegistryConfig: {
    IndexConfigs: Readonly<
      Record<string, { Mirrors: readonly string[]; Name: string; Official: boolean; Secure: boolean }>
    >;
    InsecureRegistryCIDRs: readonly string[];
    Mirrors: readonly string[] | null;
  };
  NCPU: number;
  MemTotal: number;
  GenericResources: null;
  DockerRootDir: string;
  HttpProxy: string;
  HttpsProxy: string;
  NoProxy: string;
  Name: string;
  Labels: readonly string[];
  ExperimentalBuild: boolean;
  ServerVersion: string;
  Runtimes: Readonly<Record<string, { path: string }>>;
  DefaultRuntime: string;
  Swarm: { readonly [member: string]: Json };
  LiveRestoreEnabled: boolean;
  Isolation: string;
  InitBinary: string;
  ContainerdCommit: { ID: string };
  RuncCommit: { ID: string };
  InitCommit: { ID: string };
  SecurityOptions: readonly string[];
  CDISpecDirs: readonly string[];
  Warnings: readonly string[] | null;
};

/** One event. `timeNano` is a bigint when printed; a client that parses plain JSON gets a rounded number. */
export type EventWire = {
  status?: string;
  id?: string;
  from?: string;
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Readonly<Record<string, string>> };
  scope: string;
  time: number;
  timeNano: number | bigint;
};

export type DiskUsageWire = {
  LayersSize: number;
  Images: readonly ImageSummaryWire[];
  Containers: readonly ContainerSummaryWire[];
  Volumes: readonly VolumeWire[];
  BuildCache: readonly Json[];
};

/** Gantry's own document: what was compared, and each difference between rows and disk. */
export type DiskCheckWire = {
  /** Blobs and layers that are not on the disk for good yet. */
  Unsynced: number;
  Checked: { Blobs: number; Layers: number; Images: number; Containers: number; Volumes: number };
  Findings: readonly {
    Kind: string;
    Name: string;
    Path: string;
    Problem: string;
    Mend: string;
    Repaired: boolean;
  }[];
};

export type AuthStatusWire = { Status: string; IdentityToken?: string };
