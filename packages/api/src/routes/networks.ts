import { document, field, none, object } from '../codec/codec.ts';
import { queryFilters, querySwitch, queryText } from '../codec/query.ts';
import { networkConnectBody, networkCreateBody, networkDisconnectBody } from '../nouns/network.ts';
import type { NetworkCreatedWire, NetworksPrunedWire, NetworkWire } from '../wire/network.ts';
import { planReply, pruneQuery } from './plan.ts';
import { route } from './route.ts';

const noSuch = { 404: 'no such network' };

const networkList = route({
  method: 'GET',
  path: '/networks',
  since: '1.24',
  shape: 'json',
  query: object({ filters: field('filters', queryFilters, 'omit') }),
  body: none,
  reply: document<readonly NetworkWire[]>(),
});

const networkInspect = route({
  method: 'GET',
  path: '/networks/{id}',
  since: '1.24',
  shape: 'json',
  query: object({ verbose: field('verbose', querySwitch, 'omit'), scope: field('scope', queryText, 'omit') }),
  body: none,
  reply: document<NetworkWire>(),
  failures: noSuch,
});

const networkCreate = route({
  method: 'POST',
  path: '/networks/create',
  since: '1.24',
  shape: 'json',
  status: 201,
  query: object({}),
  body: networkCreateBody,
  reply: document<NetworkCreatedWire>(),
  failures: { 400: 'bad parameter', 403: 'pre-defined network', 404: 'no such driver', 409: 'name already in use' },
});

const networkConnect = route({
  method: 'POST',
  path: '/networks/{id}/connect',
  since: '1.24',
  shape: 'empty',
  status: 200,
  query: object({}),
  body: networkConnectBody,
  reply: none,
  failures: { 400: 'bad parameter', 403: 'not allowed', 404: 'no such network or container' },
});

const networkDisconnect = route({
  method: 'POST',
  path: '/networks/{id}/disconnect',
  since: '1.24',
  shape: 'empty',
  status: 200,
  query: object({}),
  body: networkDisconnectBody,
  reply: none,
  failures: { 403: 'not allowed', 404: 'no such network or container' },
});

const networkRemove = route({
  method: 'DELETE',
  path: '/networks/{id}',
  since: '1.24',
  shape: 'json',
  status: 204,
  query: object({ plan: field('plan', querySwitch, 'omit') }),
  body: none,
  reply: planReply,
  failures: { 403: 'pre-defined or in use', ...noSuch },
});

const networkPrune = route({
  method: 'POST',
  path: '/networks/prune',
  since: '1.25',
  shape: 'json',
  query: pruneQuery,
  body: none,
  reply: document<NetworksPrunedWire>(),
});

export const networkRoutes = {
  networkList,
  networkCreate,
  networkPrune,
  networkInspect,
  networkConnect,
  networkDisconnect,
  networkRemove,
};
