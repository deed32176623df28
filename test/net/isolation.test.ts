import { afterAll, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { addRoute, NetlinkSocket, netlinkFamily, parseCidr, parseIp } from '@gantry/net';
import { inNetworkNamespace } from '../../packages/engine/src/network/in-network-namespace.ts';
import { option } from '../../packages/engine/src/network/option-names.ts';
import { callTcp, callUdp, host, serveTcp, serveUdp } from './talk.ts';
import { network, World } from './world.ts';

const world = await World.open();
afterAll(() => world[Symbol.asyncDispose]());
const web = { portBindings: { '80/tcp': [{ hostIp: '', hostPort: '8080' }] } };

function routeTo(namespace: string, subnet: string, gateway: string): void {
  inNetworkNamespace(namespace, () => {
    using socket = new NetlinkSocket(netlinkFamily.route);
    const route = { family: 4, destination: parseCidr(subnet), gateway: parseIp(gateway), index: 0 } as const;
    socket.request('add a route', (writer) => addRoute(writer, route));
  });
}

test('a neighbour that routes to the bridge reaches no port of a container directly, published or not', async () => {
  await using c1 = await world.run('c1', web);
  using _published = serveTcp(c1.namespace, '0.0.0.0', 80);
  using _private = serveTcp(c1.namespace, '0.0.0.0', 81);
  routeTo(world.outside, '10.200.0.0/24', world.hostAddress);
  expect(await callTcp(world.outside, world.hostAddress, 8080)).toStartWith('hello');
  expect(await callTcp(world.outside, c1.ipv4, 80)).toBe('timeout');
  expect(await callTcp(world.outside, c1.ipv4, 81)).toBe('timeout');
});

test("a port published on loopback is the host's alone", async () => {
  await using c1 = await world.run('c1', { portBindings: { '80/tcp': [{ hostIp: '127.0.0.1', hostPort: '8081' }] } });
  await using c2 = await world.run('c2');
  using _server = serveTcp(c1.namespace, '0.0.0.0', 80);
  expect(await callTcp(host, '127.0.0.1', 8081)).toStartWith('hello');
  expect(await callTcp(world.outside, world.hostAddress, 8081)).toBe('refused');
  expect(await callTcp(c2.namespace, world.hostAddress, 8081)).toBe('refused');
  // A neighbour that sends to 127.0.0.1 through the host, which its own kernel lets it do.
  setSysctl(world.outside, '/proc/sys/net/ipv4/conf/all/route_localnet', '1');
  setSysctl(world.outside, '/proc/sys/net/ipv4/conf/out0/route_localnet', '1');
  inNetworkNamespace(world.outside, () => replaceLoopback(world.hostAddress));
  expect(await callTcp(world.outside, '127.0.0.1', 8081)).toBe('timeout');
});

test("a container does not reach what listens on the host's loopback", async () => {
  await using c1 = await world.run('c1');
  using _server = serveTcp(host, '127.0.0.1', 9000);
  using _udp = await serveUdp(host, '127.0.0.1', 9000);
  setSysctl(c1.namespace, '/proc/sys/net/ipv4/conf/all/route_localnet', '1');
  setSysctl(c1.namespace, '/proc/sys/net/ipv4/conf/eth0/route_localnet', '1');
  inNetworkNamespace(c1.namespace, () => replaceLoopback('10.200.0.1'));
  expect(await callTcp(c1.namespace, '127.0.0.1', 9000)).toBe('timeout');
  expect(await callUdp(c1.namespace, '127.0.0.1', 9000)).toBe('timeout');
});

/** Takes 127.0.0.0/8 off the loopback device of the thread's namespace and routes it to a gateway, as an attacker would. */
function replaceLoopback(gateway: string): void {
  const ip = (...args: string[]): void => {
    const done = Bun.spawnSync(['ip', ...args]);
    if (done.exitCode !== 0) throw new Error(`ip ${args.join(' ')}: ${done.stderr}`);
  };
  ip('addr', 'del', '127.0.0.1/8', 'dev', 'lo');
  ip('route', 'add', '127.0.0.0/8', 'via', gateway);
}

function setSysctl(namespace: string, path: string, value: string): void {
  inNetworkNamespace(namespace, () => writeFileSync(path, value));
}

test('containers of a network without inter-container communication meet only by published ports', async () => {
  world.room.create(network('apart', '10.202.0.0/24', { options: { [option.interContainer]: 'false' } }));
  {
    await using c1 = await world.run('c1', { ...web, networkMode: 'apart' });
    await using c2 = await world.run('c2', { networkMode: 'apart' });
    using _published = serveTcp(c1.namespace, '0.0.0.0', 80);
    using _outside = serveTcp(world.outside, '0.0.0.0', 7000);
    expect(await callTcp(c2.namespace, c1.ipv4, 80)).toBe('timeout');
    expect(await callTcp(c2.namespace, world.hostAddress, 8080)).toStartWith('hello');
    expect(await callTcp(c2.namespace, world.outsideAddress, 7000)).toStartWith('hello');
  }
  world.room.remove('apart');
});

test('an internal network has no way out and none in, but within', async () => {
  world.room.create(network('inner', '10.203.0.0/24', { internal: true }));
  {
    await using c1 = await world.run('c1', { ...web, networkMode: 'inner' });
    await using c2 = await world.run('c2', { networkMode: 'inner' });
    await using c3 = await world.run('c3', web);
    using _one = serveTcp(c1.namespace, '0.0.0.0', 80);
    using _three = serveTcp(c3.namespace, '0.0.0.0', 80);
    using _outside = serveTcp(world.outside, '0.0.0.0', 7000);
    expect(c1.joined.endpoints.map(({ gateway }) => gateway)).toEqual(['']);
    expect(c1.joined.ports).toEqual([]);
    expect(await callTcp(c2.namespace, c1.ipv4, 80)).toBe(`hello ${c2.ipv4}`);
    expect(await callTcp(host, c1.ipv4, 80)).toBe('hello 10.203.0.1');
    // Even with a default route, which a container with NET_ADMIN can give itself.
    routeTo(c2.namespace, '0.0.0.0/1', '10.203.0.1');
    routeTo(c2.namespace, '128.0.0.0/1', '10.203.0.1');
    expect(await callTcp(c2.namespace, world.outsideAddress, 7000)).toBe('timeout');
    expect(await callTcp(c2.namespace, c3.ipv4, 80)).toBe('timeout');
    expect(await callTcp(c2.namespace, world.hostAddress, 8080)).toBe('timeout');
    expect(await callTcp(c3.namespace, c1.ipv4, 80)).toBe('timeout');
  }
  world.room.remove('inner');
});

test('a container without networks has a loopback and nothing else', async () => {
  await using c1 = await world.run('c1', { networkMode: 'none' });
  using _server = serveTcp(c1.namespace, '127.0.0.1', 80);
  expect(await callTcp(c1.namespace, '127.0.0.1', 80)).toBe('hello 127.0.0.1');
  expect(await callTcp(c1.namespace, world.hostAddress, 80)).toBe('refused');
});

test('a network without IPv6 has none inside, not even a link-local address', async () => {
  await using c1 = await world.run('c1');
  const read = (namespace: string): string =>
    inNetworkNamespace(namespace, () => Bun.spawnSync(['ip', '-6', '-brief', 'address']).stdout.toString());
  expect(read(c1.namespace)).toBe('lo               UNKNOWN        ::1/128 \n');
});

test('the host takes no router for its own from a bridge', () => {
  const read = (key: string): string =>
    Bun.spawnSync(['cat', `/proc/sys/net/ipv6/conf/gantry0/${key}`])
      .stdout.toString()
      .trim();
  expect([read('accept_ra'), read('autoconf'), read('disable_ipv6')]).toEqual(['0', '0', '1']);
});

test('beside an engine whose table drops what it does not know, containers reach the outside all the same', async () => {
  const rules = `table ip filter {
    chain DOCKER-USER { }
    chain FORWARD { type filter hook forward priority filter; policy drop; jump DOCKER-USER; }
  }`;
  const nft = (...args: string[]): string => {
    const done = Bun.spawnSync(['nft', ...args]);
    if (done.exitCode !== 0) throw new Error(done.stderr.toString());
    return done.stdout.toString();
  };
  nft(rules);
  await using c0 = await world.run('c0');
  using _server = serveTcp(world.outside, '0.0.0.0', 7000);
  expect(await callTcp(c0.namespace, world.outsideAddress, 7000)).toBe('timeout');
  await world.closeRoom();
  await world.openRoom().reconcile(world.running());
  expect(await callTcp(c0.namespace, world.outsideAddress, 7000)).toStartWith('hello');
  world.room.create(network('beside', '10.204.0.0/24'));
  {
    await using c1 = await world.run('c1', { ...web, networkMode: 'beside' });
    using _web = serveTcp(c1.namespace, '0.0.0.0', 80);
    expect(await callTcp(c1.namespace, world.outsideAddress, 7000)).toStartWith('hello');
    expect(await callTcp(world.outside, world.hostAddress, 8080)).toStartWith('hello');
    expect(await callTcp(c0.namespace, c1.ipv4, 80)).toBe('timeout');
  }
  world.room.remove('beside');
  const left = nft('list', 'chain', 'ip', 'filter', 'DOCKER-USER').match(/[io]ifname "\S+"/g);
  expect(left?.sort()).toEqual(['iifname "gantry0"', 'oifname "gantry0"']);
  nft('delete', 'table', 'ip', 'filter');
});
