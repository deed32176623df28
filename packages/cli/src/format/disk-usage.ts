import type { DiskUsageWire } from '@gantry/api';
import { formatSize } from '@gantry/base';
import { TemplateRow } from '../template/row.ts';
import { containerHeadings, containerRow } from './containers.ts';
import { imageHeadings, imageRow, namesOf } from './images.ts';
import { formatRows, type Headings } from './list-format.ts';
import { volumeHeadings, volumeRow } from './volumes.ts';

export const usageHeadings: Headings = {
  Type: 'TYPE',
  TotalCount: 'TOTAL',
  Active: 'ACTIVE',
  Size: 'SIZE',
  Reclaimable: 'RECLAIMABLE',
};

export const usageTable = 'table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}';

type Usage = {
  readonly type: string;
  readonly count: number;
  readonly active: number;
  readonly sizeBytes: number;
  readonly reclaimableBytes: number;
};

/** The four lines of `system df`. */
export function usageRows(usage: DiskUsageWire): TemplateRow[] {
  return [imageUsage(usage), containerUsage(usage), volumeUsage(usage), cacheUsage].map((row) => usageRow(row));
}

function usageRow({ type, count, active, sizeBytes, reclaimableBytes }: Usage): TemplateRow {
  const share =
    sizeBytes > 0 && type !== 'Build Cache' ? ` (${Math.trunc((reclaimableBytes * 100) / sizeBytes)}%)` : '';
  return new TemplateRow('*formatter.diskUsageContext', {
    Type: () => type,
    TotalCount: () => String(count),
    Active: () => String(active),
    Size: () => formatSize(sizeBytes),
    Reclaimable: () => `${formatSize(reclaimableBytes)}${share}`,
  });
}

/** Layers are shared, so the whole is what the engine counted, and what is in use is counted once. */
function imageUsage({ Images, LayersSize }: DiskUsageWire): Usage {
  const images = Images ?? [];
  const used = images.filter((image) => image.Containers > 0);
  const usedBytes = used.reduce(
    (sum, image) => sum + (image.Size === -1 || image.SharedSize === -1 ? 0 : image.Size - image.SharedSize),
    0,
  );
  return {
    type: 'Images',
    count: images.length,
    active: used.length,
    sizeBytes: LayersSize,
    reclaimableBytes: LayersSize - usedBytes,
  };
}

function containerUsage({ Containers }: DiskUsageWire): Usage {
  const containers = Containers ?? [];
  const isActive = (state: string): boolean => ['running', 'paused', 'restarting'].includes(state);
  const size = (of: typeof containers): number => of.reduce((sum, container) => sum + (container.SizeRw ?? 0), 0);
  const active = containers.filter((container) => isActive(container.State));
  const idle = containers.filter((container) => !isActive(container.State));
  return {
    type: 'Containers',
    count: containers.length,
    active: active.length,
    sizeBytes: size(containers),
    reclaimableBytes: size(idle),
  };
}

function volumeUsage({ Volumes }: DiskUsageWire): Usage {
  const volumes = Volumes ?? [];
  const size = (of: typeof volumes): number =>
    of.reduce((sum, volume) => sum + Math.max(0, volume.UsageData?.Size ?? 0), 0);
  const used = volumes.filter((volume) => (volume.UsageData?.RefCount ?? 0) > 0);
  const idle = volumes.filter((volume) => (volume.UsageData?.RefCount ?? 0) === 0);
  return {
    type: 'Local Volumes',
    count: volumes.length,
    active: used.length,
    sizeBytes: size(volumes),
    reclaimableBytes: size(idle),
  };
}

/** There is no builder yet, so nothing is cached. */
const cacheUsage: Usage = { type: 'Build Cache', count: 0, active: 0, sizeBytes: 0, reclaimableBytes: 0 };

const imageTable =
  'table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}';
const containerTable =
  'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}';
const cacheTable =
  'table {{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}';
const cacheHeadings: Headings = {
  ID: 'CACHE ID',
  CacheType: 'CACHE TYPE',
  Size: 'SIZE',
  CreatedSince: 'CREATED',
  LastUsedSince: 'LAST USED',
  UsageCount: 'USAGE',
  Shared: 'SHARED',
};

/** Everything that `system df -v` names, as rows by kind. */
export function usageDetails(
  usage: DiskUsageWire,
  options: { isTruncated: boolean; nowMs: number },
): Record<string, TemplateRow[]> {
  const imageOptions = { ...options, showsDigests: false };
  return {
    Images: (usage.Images ?? [])
      .flatMap((image) => namesOf(image, false).slice(0, 1))
      .map((named) => imageRow(named, imageOptions)),
    Containers: (usage.Containers ?? []).map(({ SizeRootFs: _, ...container }) => containerRow(container, options)),
    Volumes: (usage.Volumes ?? []).map((volume) => volumeRow(volume)),
    BuildCache: [],
  };
}

/** The tables of `system df -v`. */
export function formatUsageDetails(details: Readonly<Record<string, readonly TemplateRow[]>>): string {
  return [
    `Images space usage:\n\n${formatRows(imageTable, details.Images ?? [], imageHeadings)}`,
    `Containers space usage:\n\n${formatRows(containerTable, details.Containers ?? [], containerHeadings)}`,
    `Local Volumes space usage:\n\n${formatRows('table {{.Name}}\t{{.Links}}\t{{.Size}}', details.Volumes ?? [], volumeHeadings)}`,
    `Build cache usage: 0B\n\n${formatRows(cacheTable, details.BuildCache ?? [], cacheHeadings)}`,
  ].join('\n');
}
