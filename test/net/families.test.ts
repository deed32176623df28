import { afterAll, beforeAll, expect, test } from 'bun:test';
import { addRoute, NetlinkSocket, netlinkFamily, parseCidr, parseIp } from '@gantry/net';
import { inNetworkNamespace } from '../../packages/engine/src/network/in-network-namespace.ts';
import { option } from '../../packages/engine/src/network/option-names.ts';
import { ask } from './ask.ts';
import { callTcp, callUdp, host, serveTcp, serveUdp } from './talk.ts';
import { network, World } from './world.ts';

const world = await World.open();
afterAll(() => world[Symbol.asyncDispose]());
const web = { portBindings: { '80/tcp': [{ hostIp: '', hostPort: '8080' }] } };
const hostIpv6 = '2001:db8:1::1';
const outsideIpv6 = '2001:db8:1::2';

beforeAll(() => {
  const pools = ['10.250.0.0/24', 'fd00:250::/64'].map((subnet) => ({
    subnet,
    ipRange: '',
    gateway: '',
    auxAddresses: {},
  }));
  world.room.create(network('dual', '', { enableIpv6: true, ipam: { driver: 'default', options: {}, pools } }));
});

function routeFromOutside(family: 4 | 6, subnet: string): void {
  inNetworkNamespace(world.outside, () => {
    using socket = new NetlinkSocket(netlinkFamily.route);
    const gateway = parseIp(family === 4 ? world.hostAddress : hostIpv6);
    const destination = parseCidr(subnet);
    socket.request('add a route', (writer) => addRoute(writer, { family, destination, gateway, index: 0 }));
  });
}

test('a network with IPv6 gives addresses of both families, at once usable, in and out', async () => {
  await using c1 = await world.run('c1', { ...web, networkMode: 'dual' });
  await using c2 = await world.run('c2', { networkMode: 'dual' });
  const [endpoint] = c1.joined.endpoints;
  expect([endpoint?.ipv6Address, endpoint?.ipv6PrefixLength, endpoint?.ipv6Gateway]).toEqual([
    'fd00:250::2',
    64,
    'fd00:250::1',
  ]);
  using _server = serveTcp(c1.namespace, '::', 80);
  using _outside = serveTcp(world.outside, '::', 7000);
  expect(await callTcp(c2.namespace, 'fd00:250::2', 80)).toBe('hello fd00:250::3');
  expect(await callTcp(c1.namespace, outsideIpv6, 7000)).toBe(`hello ${hostIpv6}`);
  expect(await callTcp(world.outside, hostIpv6, 8080)).toBe(`hello ${outsideIpv6}`);
  expect(await callTcp(host, hostIpv6, 8080)).toStartWith('hello');
  expect(await callTcp(c2.namespace, hostIpv6, 8080)).toStartWith('hello');
  expect(await callTcp(c1.namespace, hostIpv6, 8080)).toStartWith('hello');
  expect(await callTcp(host, '::1', 8080)).toStartWith('hello');
  expect(await ask({ namespace: c2.namespace, name: 'c1', type: 'AAAA', over: 'udp' })).toBe('fd00:250::2');
  expect(c1.joined.hostsFile).toEndWith('10.250.0.2\tc1\nfd00:250::2\tc1\n');
});

test('an IPv6 neighbour reaches no container directly', async () => {
  await using c1 = await world.run('c1', { ...web, networkMode: 'dual' });
  using _server = serveTcp(c1.namespace, '::', 80);
  routeFromOutside(6, 'fd00:250::/64');
  expect(await callTcp(world.outside, c1.joined.endpoints[0]?.ipv6Address ?? '', 80)).toBe('timeout');
});

test('a routed network opens published ports without translating, and keeps the others shut', async () => {
  world.room.create(network('routed', '10.251.0.0/24', { options: { [option.gatewayModeIpv4]: 'routed' } }));
  {
    await using c1 = await world.run('c1', { ...web, networkMode: 'routed' });
    using _published = serveTcp(c1.namespace, '0.0.0.0', 80);
    using _private = serveTcp(c1.namespace, '0.0.0.0', 81);
    using _outside = serveTcp(world.outside, '0.0.0.0', 7000);
    routeFromOutside(4, '10.251.0.0/24');
    expect(await callTcp(world.outside, c1.ipv4, 80)).toBe(`hello ${world.outsideAddress}`);
    expect(await callTcp(world.outside, c1.ipv4, 81)).toBe('timeout');
    expect(await callTcp(world.outside, world.hostAddress, 8080)).toBe('refused');
    expect(await callTcp(c1.namespace, world.outsideAddress, 7000)).toBe(`hello ${c1.ipv4}`);
  }
  world.room.remove('routed');
});

test('an unprotected network lets every port be reached by who routes there', async () => {
  world.room.create(network('open', '10.252.0.0/24', { options: { [option.gatewayModeIpv4]: 'nat-unprotected' } }));
  {
    await using c1 = await world.run('c1', { networkMode: 'open' });
    using _private = serveTcp(c1.namespace, '0.0.0.0', 81);
    routeFromOutside(4, '10.252.0.0/24');
    expect(await callTcp(world.outside, c1.ipv4, 81)).toBe(`hello ${world.outsideAddress}`);
  }
  world.room.remove('open');
});

test('where bridges show no frames to packet rules, all of it works the same', async () => {
  for (const key of ['bridge-nf-call-iptables', 'bridge-nf-call-ip6tables'])
    await Bun.write(`/proc/sys/net/bridge/${key}`, '0');
  await world.closeRoom();
  await world.openRoom().reconcile([]);
  world.room.create(network('apart', '10.253.0.0/24', { options: { [option.interContainer]: 'false' } }));
  {
    await using c1 = await world.run('c1', { ...web, networkMode: 'apart' });
    await using c2 = await world.run('c2', { networkMode: 'apart' });
    await using c3 = await world.run('c3', { portBindings: { '53/udp': [{ hostIp: '', hostPort: '5300' }] } });
    await using c4 = await world.run('c4');
    using _one = serveTcp(c1.namespace, '0.0.0.0', 80);
    using _three = await serveUdp(c3.namespace, '0.0.0.0', 53);
    expect(await callTcp(c2.namespace, c1.ipv4, 80)).toContain('timeout');
    expect(await callTcp(c2.namespace, world.hostAddress, 8080)).toBe('hello 10.253.0.1');
    expect(await callTcp(c1.namespace, world.hostAddress, 8080)).toBe('hello 10.253.0.1');
    expect(await callTcp(c4.namespace, world.hostAddress, 8080)).toBe('hello 10.253.0.1');
    expect(await callUdp(c4.namespace, world.hostAddress, 5300)).toBe('hello 10.200.0.1');
    expect(await callUdp(c4.namespace, c3.ipv4, 53)).toBe(`hello ${c4.ipv4}`);
    expect(await callUdp(host, '127.0.0.1', 5300)).toBe('hello 10.200.0.1');
  }
  world.room.remove('apart');
});
