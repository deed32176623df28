import { document, field, none, object, record, text } from '../codec/codec.ts';
import { queryFilters, querySwitch } from '../codec/query.ts';
import type { VolumeListWire, VolumesPrunedWire, VolumeWire } from '../wire/volume.ts';
import { planReply, pruneQuery } from './plan.ts';
import { route } from './route.ts';

const noSuch = { 404: 'no such volume' };

const volumeList = route({
  method: 'GET',
  path: '/volumes',
  since: '1.24',
  shape: 'json',
  query: object({ filters: field('filters', queryFilters, 'omit') }),
  body: none,
  reply: document<VolumeListWire>(),
});

const volumeCreate = route({
  method: 'POST',
  path: '/volumes/create',
  since: '1.24',
  shape: 'json',
  status: 201,
  query: object({}),
  body: object({
    name: field('Name', text, 'omit'),
    driver: field('Driver', text, 'omit'),
    options: field('DriverOpts', record(text), 'omit'),
    labels: field('Labels', record(text), 'omit'),
  }),
  reply: document<VolumeWire>(),
  failures: { 400: 'bad parameter', 409: 'exists with another driver' },
});

const volumeInspect = route({
  method: 'GET',
  path: '/volumes/{name}',
  since: '1.24',
  shape: 'json',
  query: object({}),
  body: none,
  reply: document<VolumeWire>(),
  failures: noSuch,
});

const volumeRemove = route({
  method: 'DELETE',
  path: '/volumes/{name}',
  since: '1.24',
  shape: 'json',
  status: 204,
  query: object({ force: field('force', querySwitch, 'omit'), plan: field('plan', querySwitch, 'omit') }),
  body: none,
  reply: planReply,
  failures: { ...noSuch, 409: 'in use' },
});

const volumePrune = route({
  method: 'POST',
  path: '/volumes/prune',
  since: '1.25',
  shape: 'json',
  query: pruneQuery,
  body: none,
  reply: document<VolumesPrunedWire>(),
});

export const volumeRoutes = { volumeList, volumeCreate, volumePrune, volumeInspect, volumeRemove };
