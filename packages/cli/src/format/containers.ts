import { type ContainerSummaryWire, humanDuration } from '@gantry/api';
import { formatSize, shortId } from '@gantry/base';
import { formatReference, parseReference } from '@gantry/oci';
import { TemplateRow } from '../template/row.ts';
import { goTime } from './human.ts';
import { type Headings, labelColumns } from './list-format.ts';
import { formatPorts } from './ports.ts';
import { ellipsis } from './tab-writer.ts';

export const containerHeadings: Headings = {
  ID: 'CONTAINER ID',
  Names: 'NAMES',
  Image: 'IMAGE',
  Command: 'COMMAND',
  CreatedAt: 'CREATED AT',
  RunningFor: 'CREATED',
  Ports: 'PORTS',
  State: 'STATE',
  Status: 'STATUS',
  Size: 'SIZE',
  Labels: 'LABELS',
  Mounts: 'MOUNTS',
  LocalVolumes: 'LOCAL VOLUMES',
  Networks: 'NETWORKS',
  Platform: 'PLATFORM',
};

/** The columns of `ps` when nothing else is asked for. */
export const containerTable =
  'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}';

export type RowOptions = { readonly isTruncated: boolean; readonly nowMs: number };

/** One line of `ps`. */
export function containerRow(container: ContainerSummaryWire, { isTruncated, nowMs }: RowOptions): TemplateRow {
  const createdMs = container.Created * 1000;
  return new TemplateRow('*formatter.ContainerContext', {
    ID: () => (isTruncated ? shortId(container.Id) : container.Id),
    Names: () => namesOf(container, isTruncated),
    Image: () => imageOf(container, isTruncated),
    Command: () => JSON.stringify(isTruncated ? ellipsis(container.Command, 20) : container.Command),
    CreatedAt: () => goTime(createdMs),
    RunningFor: () => `${humanDuration(nowMs - createdMs)} ago`,
    Ports: () => formatPorts(container.Ports),
    State: () => container.State,
    Status: () => container.Status,
    Size: () => sizeOf(container),
    Mounts: () => mountsOf(container, isTruncated),
    LocalVolumes: () => String(container.Mounts.filter((mount) => mount.Driver === 'local').length),
    // An engine of one platform never tells a container's.
    Platform: () => null,
    Networks: () => Object.keys(container.NetworkSettings?.Networks ?? {}).join(','),
    ...labelColumns(container.Labels),
  });
}

function namesOf({ Names }: ContainerSummaryWire, isTruncated: boolean): string {
  const names = Names.map((name) => name.replace(/^\//, ''));
  if (!isTruncated) return names.join(',');
  // A name with a slash inside is an old link's; the container's own has none.
  return names.find((name) => !name.includes('/')) ?? '';
}

function imageOf({ Image, ImageID }: ContainerSummaryWire, isTruncated: boolean): string {
  if (Image === '') return '<no image>';
  if (!isTruncated) return Image;
  if (shortId(ImageID) === shortId(Image)) return shortId(Image);
  try {
    return formatReference({ ...parseReference(Image), digest: undefined });
  } catch {
    // An image ID, or a name that this version of the grammar does not know: shown as it came.
    return Image;
  }
}

function sizeOf({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummaryWire): string {
  const own = formatSize(SizeRw, 3);
  return SizeRootFs > 0 ? `${own} (virtual ${formatSize(SizeRootFs, 3)})` : own;
}

function mountsOf({ Mounts }: ContainerSummaryWire, isTruncated: boolean): string {
  const names = Mounts.map((mount) => mount.Name || mount.Source);
  return (isTruncated ? names.map((name) => ellipsis(name, 15)) : names).join(',');
}
