import { isJsonObject, type JsonObject } from '../codec/json.ts';
import { queryFilters } from '../codec/query.ts';
import type { Adapter } from './adapter.ts';
import { eachObject, editMember } from './edit.ts';

function withExpected(info: JsonObject): JsonObject {
  return ['ContainerdCommit', 'RuncCommit', 'InitCommit'].reduce(
    (document, name) =>
      editMember(document, name, (commit) => (isJsonObject(commit) ? { ...commit, Expected: commit.ID } : commit)),
    info,
  );
}

export const systemAdapters: readonly Adapter[] = [
  {
    routes: ['info'],
    below: '1.50',
    down: (reply) => eachObject(reply, (info) => ({ ...info, BridgeNfIptables: false, BridgeNfIp6tables: false })),
  },
  { routes: ['info'], below: '1.49', down: (reply) => eachObject(reply, withExpected) },
  {
    routes: ['diskUsage'],
    below: '1.44',
    down: (reply) =>
      eachObject(reply, (usage) =>
        editMember(usage, 'Images', (images) => eachObject(images, (image) => ({ ...image, VirtualSize: image.Size }))),
      ),
  },
  {
    routes: ['diskUsage'],
    below: '1.42',
    down: (reply) => eachObject(reply, (usage) => ({ ...usage, BuilderSize: 0 })),
  },
  {
    // Until 1.42 a prune took named volumes too; since then only anonymous ones unless `all` is asked.
    routes: ['volumePrune'],
    below: '1.42',
    up: (request) => {
      const { filters } = request.query;
      const lifted = new Map([...queryFilters.parse(filters, 'filters'), ['all', ['true']] as const]);
      return { ...request, query: { ...request.query, filters: queryFilters.print(lifted) } };
    },
  },
];
