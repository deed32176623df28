import type { DiskCheckWire } from '@gantry/api';
import type { DiskReport } from '@gantry/engine';

export function printDiskReport({ unsynced, checked, findings }: DiskReport): DiskCheckWire {
  return {
    Unsynced: unsynced,
    Checked: {
      Blobs: checked.blobs,
      Layers: checked.layers,
      Images: checked.images,
      Containers: checked.containers,
      Volumes: checked.volumes,
    },
    Findings: findings.map(({ kind, name, path, problem, mend, repaired }) => ({
      Kind: kind,
      Name: name,
      Path: path,
      Problem: problem,
      Mend: mend,
      Repaired: repaired,
    })),
  };
}
