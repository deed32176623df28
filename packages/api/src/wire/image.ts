import type { Json } from '../codec/json.ts';

type PlatformWire = { architecture: string; os: string; variant?: string };

/** As the OCI specification has it. */
export type DescriptorWire = {
  mediaType: string;
  digest: string;
  size: number;
  urls?: readonly string[];
  annotations?: Readonly<Record<string, string>>;
  platform?: PlatformWire;
  artifactType?: string;
};

export type ImageManifestWire = {
  ID: string;
  Descriptor: DescriptorWire;
  Available: boolean;
  Size: { Content: number; Total: number };
  Kind: 'image' | 'attestation' | 'unknown';
  ImageData?: { Platform: PlatformWire; Size: { Unpacked: number }; Containers: readonly string[] | null };
  AttestationData?: { For: string };
};

export type ImageSummaryWire = {
  Containers: number;
  Created: number;
  Descriptor?: DescriptorWire;
  Id: string;
  Labels: Readonly<Record<string, string>> | null;
  Manifests?: readonly ImageManifestWire[];
  ParentId: string;
  RepoDigests: readonly string[] | null;
  RepoTags: readonly string[] | null;
  SharedSize: number;
  Size: number;
  VirtualSize?: number;
};

export type ImageInspectWire = {
  Id: string;
  RepoTags: readonly string[];
  RepoDigests: readonly string[];
  Parent: string;
  Comment: string;
  Created?: string;
  DockerVersion: string;
  Author: string;
  Architecture: string;
  Variant?: string;
  Os: string;
  Size: number;
  VirtualSize?: number;
  GraphDriver: { Data: Readonly<Record<string, string>> | null; Name: string };
  RootFS: { Type: string; Layers?: readonly string[] };
  Metadata: { LastTagTime: string };
  Descriptor?: DescriptorWire;
  Manifests?: readonly ImageManifestWire[];
  Config: { readonly [member: string]: Json | undefined };
};

export type ImageHistoryWire = {
  Comment: string;
  Created: number;
  CreatedBy: string;
  Id: string;
  Size: number;
  Tags: readonly string[] | null;
};

export type DeletedImageWire = { Untagged?: string; Deleted?: string };
export type ImagesPrunedWire = { ImagesDeleted: readonly DeletedImageWire[] | null; SpaceReclaimed: number };

export type BuildCachePrunedWire = { CachesDeleted: readonly string[] | null; SpaceReclaimed: number };

export type SearchResultWire = {
  star_count: number;
  is_official: boolean;
  name: string;
  /** Docker Hub has none any more. */
  is_automated: boolean;
  description: string;
};

export type DistributionWire = {
  Descriptor: { mediaType: string; digest: string; size: number };
  Platforms: readonly PlatformWire[];
};

/** One line of a pull, import, load or push. */
export type ProgressWire = {
  stream?: string;
  status?: string;
  progressDetail?: { current?: number; total?: number };
  progress?: string;
  id?: string;
  error?: string;
  /** `hint` is ours: how to mend it. */
  errorDetail?: { code?: number; message: string; hint?: string };
  aux?: Json;
};
