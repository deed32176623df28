import type { Engine } from '@gantry/engine';
import { volumeFilter, volumePruneFilter } from '../filters/volumes.ts';
import { documentOf, nothing } from '../http/answer.ts';
import { type HandlersOf, idOf } from '../http/call.ts';
import { printVolume } from '../print/volume.ts';

type Names = 'volumeList' | 'volumeCreate' | 'volumePrune' | 'volumeInspect' | 'volumeRemove';

export function volumeHandlers(engine: Engine): HandlersOf<Names> {
  const { volumes } = engine;
  return {
    volumeList: ({ query }) => {
      const accept = volumeFilter(query.filters, (name) => volumes.holders(name).length > 0);
      const shown = volumes.list().filter(accept);
      return documentOf({ Volumes: shown.map((volume) => printVolume(volume)), Warnings: null });
    },
    volumeCreate: ({ body }) =>
      documentOf(printVolume(volumes.create({ ...body, driver: body.driver === '' ? 'local' : body.driver }))),
    volumePrune: async ({ query }) => {
      const { deleted, reclaimedBytes } = await volumes.prune(volumePruneFilter(query.filters));
      return documentOf({ VolumesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimedBytes });
    },
    volumeInspect: (call) => documentOf(printVolume(volumes.get(idOf(call)))),
    volumeRemove: async (call) => {
      await volumes.remove(idOf(call), call.query.force);
      return nothing;
    },
  };
}
