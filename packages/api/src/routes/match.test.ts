import { expect, test } from 'bun:test';
import { splitVersion } from '../versions/version.ts';
import { matchRoute } from './match.ts';
import { routes } from './table.ts';

test.each([
  ['GET', '/_ping', 'ping', {}],
  ['HEAD', '/_ping', 'ping', {}],
  ['GET', '/containers/json', 'containerList', {}],
  ['POST', '/containers/create', 'containerCreate', {}],
  ['POST', '/containers/prune', 'containerPrune', {}],
  ['GET', '/containers/web/json', 'containerInspect', { id: 'web' }],
  ['DELETE', '/containers/json', 'containerRemove', { id: 'json' }],
  ['GET', '/images/localhost:5000/team/app/json', 'imageInspect', { name: 'localhost:5000/team/app' }],
  ['GET', '/images/json', 'imageList', {}],
  ['DELETE', '/images/a/b', 'imageRemove', { name: 'a/b' }],
  ['POST', '/networks/create', 'networkCreate', {}],
  ['GET', '/networks/', 'networkList', {}],
  ['GET', '/volumes/v', 'volumeInspect', { name: 'v' }],
])('%s %s is served by %s', (method, path, ...[name, parameters]) => {
  expect(matchRoute(method, path)).toEqual({
    kind: 'served',
    name: name as keyof typeof routes,
    route: routes[name as keyof typeof routes] as never,
    parameters,
  });
});

test.each([
  ['POST', '/build'],
  ['GET', '/images/a/b/attestations'],
  ['GET', '/swarm'],
  ['POST', '/swarm/init'],
  ['GET', '/containers/x/attach/ws'],
])('%s %s is known not to be served', (method, path) => {
  expect(matchRoute(method, path).kind).toBe('unserved');
});

test.each([
  ['GET', '/nope'],
  ['PUT', '/containers/json'],
  ['GET', '/info/'],
  ['GET', '/containers/a/b/json'],
  ['HEAD', '/info'],
])('%s %s is unknown', (method, path) => {
  expect(matchRoute(method, path)).toEqual({ kind: 'unknown' });
});

test('a version is taken off the front of a path and nothing else is', () => {
  expect(splitVersion('/v1.41/info')).toEqual({ version: '1.41', path: '/info' });
  expect(splitVersion('/info')).toEqual({ version: '1.51', path: '/info' });
  expect(splitVersion('/vx/info')).toEqual({ version: '1.51', path: '/vx/info' });
});
