import { formatTime, type VolumeWire } from '@gantry/api';
import type { VolumeRecord } from '@gantry/engine';

function orNull(record: Readonly<Record<string, string>>): Readonly<Record<string, string>> | null {
  return Object.keys(record).length === 0 ? null : record;
}

/** The document of one volume; `usage` only where disk usage was asked for. */
export function printVolume(volume: VolumeRecord, usage?: { holders: number; sizeBytes: number }): VolumeWire {
  return {
    // Docker keeps a volume's birth to the second only.
    CreatedAt: formatTime(volume.createdAt).replace(/\.\d+Z$/, 'Z'),
    Driver: volume.driver,
    Labels: orNull(volume.anonymous ? { ...volume.labels, 'com.docker.volume.anonymous': '' } : volume.labels),
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: orNull(volume.options),
    Scope: 'local',
    ...(usage === undefined ? {} : { UsageData: { RefCount: usage.holders, Size: usage.sizeBytes } }),
  };
}
