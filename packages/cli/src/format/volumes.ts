import type { VolumeWire } from '@gantry/api';
import { formatSize } from '@gantry/base';
import { TemplateRow } from '../template/row.ts';
import { type Headings, labelColumns } from './list-format.ts';

export const volumeHeadings: Headings = {
  Name: 'VOLUME NAME',
  Driver: 'DRIVER',
  Scope: 'SCOPE',
  Mountpoint: 'MOUNTPOINT',
  Labels: 'LABELS',
  Links: 'LINKS',
  Size: 'SIZE',
  Group: 'GROUP',
  Availability: 'AVAILABILITY',
  Status: 'STATUS',
};

export const volumeTable = 'table {{.Driver}}\t{{.Name}}';

/** One line of `volume ls`. */
export function volumeRow(volume: VolumeWire): TemplateRow {
  const usage = volume.UsageData;
  // Only cluster volumes have these, and there is no cluster.
  const unknown = (): string => 'N/A';
  return new TemplateRow('*formatter.volumeContext', {
    Name: () => volume.Name,
    Driver: () => volume.Driver,
    Scope: () => volume.Scope,
    Mountpoint: () => volume.Mountpoint,
    Links: () => (usage === undefined || usage === null ? 'N/A' : String(usage.RefCount)),
    Size: () => (usage === undefined || usage === null ? 'N/A' : formatSize(usage.Size)),
    Group: unknown,
    Availability: unknown,
    Status: unknown,
    ...labelColumns(volume.Labels),
  });
}
