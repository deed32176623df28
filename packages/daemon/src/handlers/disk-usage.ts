import type { DiskUsageWire, ImageSummaryWire, VolumeWire } from '@gantry/api';
import { EngineError } from '@gantry/base';
import type { Engine } from '@gantry/engine';
import { printContainerRow } from '../print/container.ts';
import { printImageRow } from '../print/image.ts';
import { printVolume } from '../print/volume.ts';
import { imageNamer } from './image-names.ts';
import { byNewest, imageUse, usersOf } from './images.ts';

const kinds = ['container', 'image', 'volume', 'build-cache'];

/** What everything takes on disk, counted now. `types` narrows it down; what was not asked for is empty. */
export async function diskUsage(engine: Engine, types: readonly string[]): Promise<DiskUsageWire> {
  for (const type of types) {
    if (!kinds.includes(type)) throw new EngineError('invalid', `unknown object type: ${type}`);
  }
  const wants = (kind: string): boolean => types.length === 0 || types.includes(kind);
  const images = wants('image') ? await imageUsage(engine) : [];
  const views = wants('container')
    ? await engine.containers.list({ all: true, limit: 0, size: true, filters: new Map() })
    : [];
  const nameOf = imageNamer(engine);
  return {
    LayersSize: wants('image') ? engine.images.usage().totalBytes : 0,
    Images: images,
    Containers: views.map((view) =>
      printContainerRow({ ...view, sizeRw: view.diskBytes }, nameOf(view), engine.info().now),
    ),
    Volumes: wants('volume') ? await volumeUsage(engine) : [],
    BuildCache: [],
  };
}

/**
 * Docker differs: its classic store throws blobs away once they are unpacked. Here they are kept, and what is on the disk
 * is counted: an image is as large as its layers and its blobs together, and shares as much as others have too.
 */
async function imageUsage(engine: Engine): Promise<readonly ImageSummaryWire[]> {
  const use = imageUse(engine);
  const { byImage } = engine.images.usage();
  const rows = engine.images.list().filter(({ isFirst }) => isFirst);
  return rows.sort(byNewest).map((image) => {
    const { sizeBytes: familyBytes = image.familyBytes, sharedBytes = 0 } = byImage.get(image.id) ?? {};
    const counts = { containers: usersOf(image, use).length, sharedSize: sharedBytes };
    return printImageRow({ ...image, familyBytes }, counts);
  });
}

async function volumeUsage(engine: Engine): Promise<readonly VolumeWire[]> {
  return await Promise.all(
    engine.volumes.list().map(async (volume) =>
      printVolume(volume, {
        holders: engine.volumes.holders(volume.name).length,
        sizeBytes: await engine.volumes.usage(volume.name),
      }),
    ),
  );
}
