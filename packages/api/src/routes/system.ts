import { document, field, none, object, text } from '../codec/codec.ts';
import { queryFilters, queryList, queryMoment, querySwitch } from '../codec/query.ts';
import type { AuthStatusWire, DiskCheckWire, DiskUsageWire, EventWire, InfoWire, VersionWire } from '../wire/system.ts';
import { route } from './route.ts';

const ping = route({
  method: 'GET',
  path: '/_ping',
  since: '1.24',
  shape: 'bytes',
  query: object({}),
  body: none,
  reply: none,
});

const version = route({
  method: 'GET',
  path: '/version',
  since: '1.24',
  shape: 'json',
  query: object({}),
  body: none,
  reply: document<VersionWire>(),
});

const info = route({
  method: 'GET',
  path: '/info',
  since: '1.24',
  shape: 'json',
  query: object({}),
  body: none,
  reply: document<InfoWire>(),
});

const events = route({
  method: 'GET',
  path: '/events',
  since: '1.24',
  shape: 'lines',
  query: object({
    sinceNanos: field('since', queryMoment, 'omit'),
    untilNanos: field('until', queryMoment, 'omit'),
    filters: field('filters', queryFilters, 'omit'),
  }),
  body: none,
  reply: document<EventWire>(),
  failures: { 400: 'bad parameter' },
});

const auth = route({
  method: 'POST',
  path: '/auth',
  since: '1.24',
  shape: 'json',
  query: object({}),
  body: object({
    username: field('username', text, 'omit'),
    password: field('password', text, 'omit'),
    serverAddress: field('serveraddress', text, 'omit'),
    identityToken: field('identitytoken', text, 'omit'),
    registryToken: field('registrytoken', text, 'omit'),
  }),
  reply: document<AuthStatusWire>(),
  failures: { 401: 'wrong credentials' },
});

const diskUsage = route({
  method: 'GET',
  path: '/system/df',
  since: '1.25',
  shape: 'json',
  query: object({ types: field('type', queryList, 'omit'), verbose: field('verbose', querySwitch, 'omit') }),
  body: none,
  reply: document<DiskUsageWire>(),
});

/** Gantry's own: compares the rows with the disk, and changes nothing. */
const diskCheck = route({
  method: 'GET',
  path: '/system/fsck',
  since: '1.24',
  shape: 'json',
  query: object({ verify: field('verify', querySwitch, 'omit') }),
  body: none,
  reply: document<DiskCheckWire>(),
});

/** Gantry's own: the same, and mends what can be mended; containers' and volumes' data only by name. */
const diskRepair = route({
  method: 'POST',
  path: '/system/fsck',
  since: '1.24',
  shape: 'json',
  query: object({ verify: field('verify', querySwitch, 'omit'), names: field('name', queryList, 'omit') }),
  body: none,
  reply: document<DiskCheckWire>(),
  failures: { 404: 'no finding has that name' },
});

const pluginList = route({
  method: 'GET',
  path: '/plugins',
  since: '1.25',
  shape: 'json',
  query: object({ filters: field('filters', queryFilters, 'omit') }),
  body: none,
  reply: document<readonly never[]>(),
});

const pluginInspect = route({
  method: 'GET',
  path: '/plugins/{name}/json',
  since: '1.25',
  shape: 'json',
  query: object({}),
  body: none,
  reply: document<never>(),
  failures: { 404: 'no such plugin' },
});

export const systemRoutes = {
  ping,
  version,
  info,
  events,
  auth,
  diskUsage,
  diskCheck,
  diskRepair,
  pluginList,
  pluginInspect,
};
