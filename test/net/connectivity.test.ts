import { afterAll, expect, test } from 'bun:test';
import { callTcp, callUdp, host, serveTcp, serveUdp } from './talk.ts';
import { network, World } from './world.ts';

const world = await World.open();
afterAll(() => world[Symbol.asyncDispose]());
const web = { portBindings: { '80/tcp': [{ hostIp: '', hostPort: '8080' }] } };

test('a container reaches the outside with the address of the host', async () => {
  await using c1 = await world.run('c1');
  expect(c1.ipv4).toBe('10.200.0.2');
  using _server = serveTcp(world.outside, '0.0.0.0', 7000);
  expect(await callTcp(c1.namespace, world.outsideAddress, 7000)).toBe(`hello ${world.hostAddress}`);
});

test('a published TCP port answers outside, on the host by each address, and other containers', async () => {
  await using c1 = await world.run('c1', web);
  await using c2 = await world.run('c2');
  using _server = serveTcp(c1.namespace, '0.0.0.0', 80);
  expect(await callTcp(world.outside, world.hostAddress, 8080)).toBe(`hello ${world.outsideAddress}`);
  expect(await callTcp(host, world.hostAddress, 8080)).toMatch(/^hello 198.51.100.1|^hello 10.200.0.1/);
  expect(await callTcp(host, '127.0.0.1', 8080)).toBe('hello 10.200.0.1');
  expect(await callTcp(host, '127.0.0.9', 8080)).toBe('hello 10.200.0.1');
  // Who filters on the bridge sees the sender; who routes sees the host.
  const callers = [`hello ${c2.ipv4}`, 'hello 10.200.0.1'];
  expect(callers).toContain(await callTcp(c2.namespace, world.hostAddress, 8080));
  expect(callers).toContain(await callTcp(c2.namespace, '10.200.0.1', 8080));
  // The container itself, through the host and back by the port it came from.
  expect(await callTcp(c1.namespace, world.hostAddress, 8080)).toBe('hello 10.200.0.1');
  expect(await callTcp(host, '::1', 8080)).toBe('hello 10.200.0.1');
});

test('a published UDP port answers outside, on the host, on loopback and other containers', async () => {
  await using c1 = await world.run('c1', { portBindings: { '53/udp': [{ hostIp: '', hostPort: '5300' }] } });
  await using c2 = await world.run('c2');
  using _server = await serveUdp(c1.namespace, '0.0.0.0', 53);
  expect(await callUdp(world.outside, world.hostAddress, 5300)).toBe(`hello ${world.outsideAddress}`);
  expect(await callUdp(host, '127.0.0.1', 5300)).toBe('hello 10.200.0.1');
  expect([`hello ${c2.ipv4}`, 'hello 10.200.0.1']).toContain(await callUdp(c2.namespace, world.hostAddress, 5300));
});

test('two bridges do not meet, except by published ports', async () => {
  const other = world.room.create(network('other', '10.201.0.0/24'));
  await using c1 = await world.run('c1', web);
  await using c2 = await world.run('c2', { networkMode: 'other' });
  using _published = serveTcp(c1.namespace, '0.0.0.0', 80);
  using _private = serveTcp(c2.namespace, '0.0.0.0', 81);
  expect(await callTcp(c1.namespace, c2.ipv4, 81)).toBe('timeout');
  expect(await callTcp(c2.namespace, c1.ipv4, 80)).toBe('timeout');
  expect(await callTcp(c2.namespace, world.hostAddress, 8080)).toBe('hello 10.200.0.1');
  expect(await callTcp(host, c2.ipv4, 81)).toBe('hello 10.201.0.1');
  await c2.stop();
  world.room.remove(other.id);
});
