export type VolumeWire = {
  CreatedAt?: string;
  Driver: string;
  Labels: Readonly<Record<string, string>> | null;
  Mountpoint: string;
  Name: string;
  Options: Readonly<Record<string, string>> | null;
  Scope: string;
  UsageData?: { RefCount: number; Size: number };
};

export type VolumeListWire = { Volumes: readonly VolumeWire[]; Warnings: readonly string[] | null };
export type VolumesPrunedWire = { VolumesDeleted: readonly string[] | null; SpaceReclaimed: number };
