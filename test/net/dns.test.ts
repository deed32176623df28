import { afterAll, expect, test } from 'bun:test';
import { formatReverseName, parseIp } from '@gantry/net';
import { emptyEndpointConfig } from '../../packages/engine/src/network/endpoint-config.ts';
import { inNetworkNamespace } from '../../packages/engine/src/network/in-network-namespace.ts';
import { ask, type Question, serveNames } from './ask.ts';
import { callTcp, serveTcp } from './talk.ts';
import { type Container, network, World } from './world.ts';

const world = await World.open();
afterAll(() => world[Symbol.asyncDispose]());
world.room.create(network('front', '10.210.0.0/24'));
world.room.create(network('back', '10.211.0.0/24'));
world.room.create(network('inner', '10.212.0.0/24', { internal: true }));

const query = (from: Container, name: string, more: Partial<Question> = {}): Promise<string> =>
  ask({ namespace: from.namespace, name, type: 'A', over: 'udp', ...more });

test('a container finds another by name, name and network, alias, short ID and hostname, in any letter case', async () => {
  const endpoints = { front: { ...emptyEndpointConfig, aliases: ['db', 'data'] } };
  await using c1 = await world.run('c1', { networkMode: 'front', endpoints, hostname: 'store' });
  await using c2 = await world.run('c2', { networkMode: 'front' });
  for (const name of ['c1', 'c1.front', 'db', 'data', c1.id.slice(0, 12), 'store', 'C1', 'Db.FRONT'])
    expect([name, await query(c2, name)]).toEqual([name, c1.ipv4]);
  expect(await query(c2, 'c1', { over: 'tcp' })).toBe(c1.ipv4);
  expect(await query(c2, 'c1', { type: 'AAAA' })).toBe('ok');
  expect(await query(c2, 'c1', { type: 'MX' })).toBe('ok');
  expect(await query(c2, 'c2')).toBe(c2.ipv4);
  const reverse = formatReverseName(parseIp(c1.ipv4)!);
  expect(await query(c2, reverse, { type: 'PTR' })).toBe('c1.front');
});

test('names hold on shared networks only, and follow renames, ends and live connections', async () => {
  await using c1 = await world.run('c1', { networkMode: 'front' });
  await using c2 = await world.run('c2', { networkMode: 'back' });
  using _upstream = await serveNames(world.outside, world.outsideAddress, {});
  expect(await query(c2, 'c1')).toBe('no such name');
  await world.room.connect('front', c2, { ...emptyEndpointConfig, aliases: ['second'] });
  expect(await query(c2, 'c1')).toBe(c1.ipv4);
  expect(await query(c1, 'second')).toMatch(/^10\.210\.0\./);
  world.room.renamed(c1.id, 'renamed');
  while ((await query(c2, 'renamed')) !== c1.ipv4);
  expect(await query(c2, 'c1')).toBe(c1.ipv4); // its hostname still
  await world.room.disconnect('front', c2, false);
  while ((await query(c2, 'renamed')) !== 'no such name');
  await using c3 = await world.run('c3', { networkMode: 'front' });
  expect(await query(c3, 'renamed')).toBe(c1.ipv4);
  await c1.stop();
  // The worker hears of it in its own time.
  while ((await query(c3, 'renamed')) !== 'no such name');
});

test("what is no container's name is asked for at the host's servers, over UDP and TCP", async () => {
  await using c1 = await world.run('c1', { networkMode: 'front' });
  using _upstream = await serveNames(world.outside, world.outsideAddress, { 'www.example.test': '203.0.113.7' });
  expect(await query(c1, 'www.example.test')).toBe('203.0.113.7');
  expect(await query(c1, 'www.example.test', { over: 'tcp' })).toBe('203.0.113.7');
  expect(await query(c1, 'nowhere.example.test')).toBe('no such name');
});

test("a server given with --dns is asked instead, one on loopback inside the container's own namespace", async () => {
  await using c1 = await world.run('c1', { networkMode: 'front', dns: ['127.0.0.53'] });
  using _own = await serveNames(c1.namespace, '127.0.0.53', { 'www.example.test': '203.0.113.8' });
  expect(await query(c1, 'www.example.test')).toBe('203.0.113.8');
});

test('nothing of a query leaves a container whose networks are all internal', async () => {
  await using c1 = await world.run('c1', { networkMode: 'inner' });
  await using c2 = await world.run('c2', { networkMode: 'inner' });
  using upstream = await serveNames(world.outside, world.outsideAddress, { 'leak.example.test': '203.0.113.9' });
  expect(await query(c1, 'leak.example.test')).toBe('server failure');
  expect(await query(c1, 'c2')).toBe(c2.ipv4);
  expect(upstream.asked).toEqual([]);
  await world.room.connect('back', c1, emptyEndpointConfig);
  expect(await query(c1, 'leak.example.test')).toBe('203.0.113.9');
});

test('a link gives a name that only its container knows', async () => {
  const endpoints = { front: { ...emptyEndpointConfig, links: ['c1:database'] } };
  await using c1 = await world.run('c1', { networkMode: 'front' });
  await using c2 = await world.run('c2', { networkMode: 'front', endpoints });
  using _upstream = await serveNames(world.outside, world.outsideAddress, {});
  expect(await query(c2, 'database')).toBe(c1.ipv4);
  expect(await query(c1, 'database')).toBe('no such name');
});

test('port 53 stays free for a server of the container, which its neighbours reach', async () => {
  await using c1 = await world.run('c1', { networkMode: 'front' });
  await using c2 = await world.run('c2', { networkMode: 'front' });
  using _own = await serveNames(c1.namespace, '0.0.0.0', { 'any.test': '203.0.113.10' });
  expect(await ask({ namespace: c2.namespace, server: c1.ipv4, name: 'any.test', type: 'A', over: 'udp' })).toBe(
    '203.0.113.10',
  );
  expect(await query(c1, 'c2')).toBe(c2.ipv4);
});

test('garbage and half messages are not answered, and do no harm', async () => {
  await using c1 = await world.run('c1', { networkMode: 'front' });
  const socket = await inNetworkNamespace(c1.namespace, () =>
    Bun.udpSocket({ connect: { hostname: '127.0.0.11', port: 53 } }),
  );
  for (let length = 0; length < 600; length += 7) socket.send(crypto.getRandomValues(new Uint8Array(length)));
  socket.close();
  expect(await query(c1, 'c1')).toBe(c1.ipv4);
});

test('the files of a container name its server, its addresses and what was asked to be added', async () => {
  await using c1 = await world.run('c1', {
    networkMode: 'front',
    hostname: 'web',
    domainname: 'example.test',
    extraHosts: ['db:203.0.113.1', 'six=2001:db8::1', 'up:host-gateway'],
  });
  expect(c1.joined.hostsFile.split('\n').slice(6)).toEqual([
    '203.0.113.1\tdb',
    '2001:db8::1\tsix',
    '10.200.0.1\tup',
    `${c1.ipv4}\tweb.example.test web`,
    '',
  ]);
  expect(c1.joined.resolvConf).toContain('nameserver 127.0.0.11\nsearch example.test\noptions ndots:0\n');
  await using c2 = await world.run('c2');
  expect(c2.joined.resolvConf).toContain(`nameserver ${world.outsideAddress}\nsearch example.test\n`);
  await world.room.connect('front', c2, emptyEndpointConfig);
  expect(world.file(c2.id, 'resolv.conf')).toContain('nameserver 127.0.0.11\n');
  expect(world.file(c2.id, 'hosts')).toMatch(/\n10\.210\.0\.\d+\tc2\n$/);
  using _server = serveTcp(c1.namespace, '0.0.0.0', 80);
  expect(await callTcp(c2.namespace, c1.ipv4, 80)).toStartWith('hello 10.210.0.');
});
