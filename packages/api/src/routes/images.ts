import { document, field, none, object } from '../codec/codec.ts';
import { queryFilters, queryInt, queryList, querySwitch, queryText } from '../codec/query.ts';
import type {
  BuildCachePrunedWire,
  DeletedImageWire,
  DistributionWire,
  ImageHistoryWire,
  ImageInspectWire,
  ImageSummaryWire,
  ImagesPrunedWire,
  ProgressWire,
  SearchResultWire,
} from '../wire/image.ts';
import type { RemovalPlanWire } from '../wire/removal-plan.ts';
import { pruneQuery } from './plan.ts';
import { route, stream } from './route.ts';

const noSuch = { 404: 'no such image' };

const imageList = route({
  method: 'GET',
  path: '/images/json',
  since: '1.24',
  shape: 'json',
  query: object({
    all: field('all', querySwitch, 'omit'),
    filters: field('filters', queryFilters, 'omit'),
    sharedSize: field('shared-size', querySwitch, 'omit'),
    digests: field('digests', querySwitch, 'omit'),
    manifests: field('manifests', querySwitch, 'omit'),
  }),
  body: none,
  reply: document<readonly ImageSummaryWire[]>(),
});

/** Pull (`fromImage`) and import (`fromSrc`, `-` for the body): one path, as Docker has it. */
const imageCreate = route({
  method: 'POST',
  path: '/images/create',
  since: '1.24',
  shape: 'lines',
  query: object({
    fromImage: field('fromImage', queryText, 'omit'),
    fromSrc: field('fromSrc', queryText, 'omit'),
    repo: field('repo', queryText, 'omit'),
    tag: field('tag', queryText, 'omit'),
    message: field('message', queryText, 'omit'),
    changes: field('changes', queryList, 'omit'),
    platform: field('platform', queryText, 'omit'),
  }),
  body: stream,
  reply: document<ProgressWire>(),
  failures: noSuch,
});

const imageLoad = route({
  method: 'POST',
  path: '/images/load',
  since: '1.24',
  shape: 'lines',
  query: object({ quiet: field('quiet', querySwitch, 'omit'), platform: field('platform', queryList, 'omit') }),
  body: stream,
  reply: document<ProgressWire>(),
});

const saveQuery = object({ names: field('names', queryList, 'omit'), platform: field('platform', queryList, 'omit') });

const imageSave = route({
  method: 'GET',
  path: '/images/get',
  since: '1.24',
  shape: 'bytes',
  query: saveQuery,
  body: none,
  reply: none,
  failures: noSuch,
});

const imageSaveOne = route({
  method: 'GET',
  path: '/images/{name}/get',
  since: '1.24',
  shape: 'bytes',
  query: object({ platform: field('platform', queryList, 'omit') }),
  body: none,
  reply: none,
  failures: noSuch,
});

const imagePrune = route({
  method: 'POST',
  path: '/images/prune',
  since: '1.25',
  shape: 'json',
  query: pruneQuery,
  body: none,
  reply: document<ImagesPrunedWire>(),
});

/** There is no build cache yet, so it is always empty; `docker system prune` asks for it whatever there is. */
const buildPrune = route({
  method: 'POST',
  path: '/build/prune',
  since: '1.31',
  shape: 'json',
  query: object({ all: field('all', querySwitch, 'omit'), filters: field('filters', queryFilters, 'omit') }),
  body: none,
  reply: document<BuildCachePrunedWire>(),
});

const imageInspect = route({
  method: 'GET',
  path: '/images/{name}/json',
  since: '1.24',
  shape: 'json',
  query: object({ manifests: field('manifests', querySwitch, 'omit'), platform: field('platform', queryText, 'omit') }),
  body: none,
  reply: document<ImageInspectWire>(),
  failures: noSuch,
});

const imageHistory = route({
  method: 'GET',
  path: '/images/{name}/history',
  since: '1.24',
  shape: 'json',
  query: object({ platform: field('platform', queryText, 'omit') }),
  body: none,
  reply: document<readonly ImageHistoryWire[]>(),
  failures: noSuch,
});

const imageTag = route({
  method: 'POST',
  path: '/images/{name}/tag',
  since: '1.24',
  shape: 'empty',
  status: 201,
  query: object({ repo: field('repo', queryText), tag: field('tag', queryText, 'omit') }),
  body: none,
  reply: none,
  failures: { ...noSuch, 400: 'bad parameter', 409: 'conflict' },
});

const imagePush = route({
  method: 'POST',
  path: '/images/{name}/push',
  since: '1.24',
  shape: 'lines',
  query: object({ tag: field('tag', queryText, 'omit'), platform: field('platform', queryText, 'omit') }),
  body: none,
  reply: document<ProgressWire>(),
  failures: noSuch,
});

const imageSearch = route({
  method: 'GET',
  path: '/images/search',
  since: '1.24',
  shape: 'json',
  query: object({
    term: field('term', queryText),
    limit: field('limit', queryInt, 'omit'),
    filters: field('filters', queryFilters, 'omit'),
  }),
  body: none,
  reply: document<readonly SearchResultWire[]>(),
});

/** A reference as its registry has it, nothing pulled. */
const distributionInspect = route({
  method: 'GET',
  path: '/distribution/{name}/json',
  since: '1.30',
  shape: 'json',
  query: object({}),
  body: none,
  reply: document<DistributionWire>(),
  failures: { 401: 'no such image, or wrong credentials' },
});

const imageRemove = route({
  method: 'DELETE',
  path: '/images/{name}',
  since: '1.24',
  shape: 'json',
  query: object({
    force: field('force', querySwitch, 'omit'),
    noPrune: field('noprune', querySwitch, 'omit'),
    platforms: field('platforms', queryList, 'omit'),
    plan: field('plan', querySwitch, 'omit'),
    after: field('after', queryList, 'omit'),
  }),
  body: none,
  reply: document<readonly DeletedImageWire[] | RemovalPlanWire>(),
  failures: { ...noSuch, 409: 'in use' },
});

export const imageRoutes = {
  imageList,
  imageCreate,
  imageLoad,
  imageSave,
  imageSaveOne,
  imagePush,
  imageSearch,
  imagePrune,
  buildPrune,
  imageInspect,
  imageHistory,
  imageTag,
  imageRemove,
  distributionInspect,
};
