import type { DiskUsageWire, ImageSummaryWire, VolumeWire } from '@gantry/api';
import { EngineError } from '@gantry/base';
import type { Engine } from '@gantry/engine';
import { printContainerRow } from '../print/container.ts';
import { printImageRow } from '../print/image.ts';
import { printVolume } from '../print/volume.ts';
import { imageNamer } from './image-names.ts';
import { byNewest, imageUse, sharedSizeOf } from './images.ts';

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
    LayersSize: wants('image') ? layersSize(engine) : 0,
    Images: images,
    Containers: views.map((view) => printContainerRow(view, nameOf(view), engine.info().now)),
    Volumes: wants('volume') ? await volumeUsage(engine) : [],
    BuildCache: [],
  };
}

/** Stacks that are the same are on disk once. */
function layersSize(engine: Engine): number {
  const sizes = new Map(engine.images.list().map((image) => [image.chainId, image.sizeBytes]));
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
}

async function imageUsage(engine: Engine): Promise<readonly ImageSummaryWire[]> {
  const use = await imageUse(engine);
  const all = engine.images.list();
  return [...all]
    .sort(byNewest)
    .map((image) => printImageRow(image, { containers: use(image.id).length, sharedSize: sharedSizeOf(image, all) }));
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
