import type { DiskCheckWire } from '@gantry/api';

/** The findings, two lines each, and what was looked at. */
export function formatDiskReport({ Unsynced, Checked, Findings }: DiskCheckWire): string {
  const lines = Findings.flatMap(({ Kind, Name, Path, Problem, Mend, Repaired }) => [
    `${Kind} ${Name}: ${Problem}${Path === '' || Path === Name ? '' : ` (${Path})`}`,
    Repaired ? '  repaired' : `  to mend it: ${Mend}`,
  ]);
  const { Blobs, Layers, Images, Containers, Volumes } = Checked;
  const counts = [
    counted(Blobs, 'blob'),
    counted(Layers, 'layer'),
    counted(Images, 'image'),
    counted(Containers, 'container'),
    counted(Volumes, 'volume'),
  ];
  const repaired = Findings.filter((finding) => finding.Repaired).length;
  const result =
    Findings.length === 0 ? 'nothing is wrong' : `${counted(Findings.length, 'finding')}, ${repaired} repaired`;
  if (Unsynced > 0)
    lines.push(`${counted(Unsynced, 'blob or layer', 'blobs and layers')} not on the disk for good yet`);
  return [...lines, `${counts.join(', ')}: ${result}`, ''].join('\n');
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
