import type { Engine } from '@gantry/engine';
import { volumeFilter, volumePruneFilter } from '../filters/volumes.ts';
import { documentOf, nothing, planOf } from '../http/answer.ts';
import { type HandlersOf, idOf } from '../http/call.ts';
import { printVolumePlan } from '../print/removal-plan.ts';
import { printVolume } from '../print/volume.ts';
import { droppedFirst } from './dropped-first.ts';

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
      const accept = volumePruneFilter(query.filters);
      const { deleted, reclaimedBytes } = query.plan
        ? await volumes.planPrune(accept, await droppedFirst(engine, query))
        : await volumes.prune(accept);
      return documentOf({ VolumesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimedBytes });
    },
    volumeInspect: (call) => documentOf(printVolume(volumes.get(idOf(call)))),
    volumeRemove: async (call) => {
      const { force, plan } = call.query;
      if (plan) return planOf(printVolumePlan(await volumes.planRemoval(idOf(call), force)));
      await volumes.remove(idOf(call), force);
      return nothing;
    },
  };
}
