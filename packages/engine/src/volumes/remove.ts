import { EngineError } from '@gantry/base';
import { measureTree } from '@gantry/layer';
import type { OpenedVolumes } from './index.ts';
import type { VolumeRows } from './rows.ts';
import type { VolumeRecord, VolumeRemoval } from './types.ts';

/** Removes a volume: the row first, then its directory. @throws conflict with Docker's text when a container holds it */
export async function removeVolume(
  { db, rows, directories, events }: OpenedVolumes,
  volume: VolumeRecord,
): Promise<void> {
  const { name, driver } = volume;
  db.tx(() => {
    refuseHeld(rows, name);
    rows.delete(name);
    events.record('volume', 'destroy', name, { driver });
  });
  await directories.remove(name);
}

/** What `removeVolume` would remove, nothing when it is not there. @throws what it throws */
export async function planVolumeRemoval(rows: VolumeRows, volume: VolumeRecord | undefined): Promise<VolumeRemoval> {
  if (volume === undefined) return { deleted: [], reclaimedBytes: 0 };
  refuseHeld(rows, volume.name);
  return { deleted: [volume.name], reclaimedBytes: await measureTree(volume.mountpoint) };
}

/** Removes those of the volumes that no container holds. */
export async function pruneVolumes(opened: OpenedVolumes, volumes: readonly VolumeRecord[]): Promise<VolumeRemoval> {
  const { rows, events } = opened;
  const deleted: string[] = [];
  let reclaimedBytes = 0;
  for (const volume of unheld(rows, volumes, [])) {
    const bytes = await measureTree(volume.mountpoint);
    // A container may have taken it, or somebody removed it, while its size was read.
    if (rows.find(volume.name) === undefined || unheld(rows, [volume], []).length === 0) continue;
    await removeVolume(opened, volume);
    deleted.push(volume.name);
    reclaimedBytes += bytes;
  }
  events.record('volume', 'prune', '', { reclaimed: String(reclaimedBytes) });
  return { deleted, reclaimedBytes };
}

/** What `pruneVolumes` would remove once the containers `dropped` are gone. Nothing is changed. */
export async function planVolumePrune(
  rows: VolumeRows,
  volumes: readonly VolumeRecord[],
  dropped: readonly string[],
): Promise<VolumeRemoval> {
  const doomed = unheld(rows, volumes, dropped);
  const sizes = await Promise.all(doomed.map(({ mountpoint }) => measureTree(mountpoint)));
  return { deleted: doomed.map(({ name }) => name), reclaimedBytes: sizes.reduce((sum, bytes) => sum + bytes, 0) };
}

function refuseHeld(rows: VolumeRows, name: string): void {
  const holders = rows.holders(name);
  if (holders.length > 0)
    throw new EngineError('conflict', `remove ${name}: volume is in use - [${holders.join(', ')}]`);
}

function unheld(
  rows: VolumeRows,
  volumes: readonly VolumeRecord[],
  dropped: readonly string[],
): readonly VolumeRecord[] {
  const gone = new Set(dropped);
  return volumes.filter(({ name }) => rows.holders(name).every((holder) => gone.has(holder)));
}
