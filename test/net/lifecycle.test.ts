import { afterAll, expect, test } from 'bun:test';
import { deleteLink, NetlinkSocket, netlinkFamily } from '@gantry/net';
import { emptyEndpointConfig } from '../../packages/engine/src/network/endpoint-config.ts';
import { option } from '../../packages/engine/src/network/option-names.ts';
import { callTcp, host, serveTcp } from './talk.ts';
import { network, plainNetwork, World } from './world.ts';

const world = await World.open();
afterAll(() => world[Symbol.asyncDispose]());
const publish = (
  hostPort: string,
  hostIp = '',
): { portBindings: Record<string, { hostIp: string; hostPort: string }[]> } => ({
  portBindings: { '80/tcp': [{ hostIp, hostPort }] },
});
const base = ['link gantry0', 'table ip gantry-test', 'table ip6 gantry-test'];

async function failure(body: () => unknown): Promise<string> {
  try {
    await body();
    return 'nothing failed';
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    return `${code}: ${error instanceof Error ? error.message.replace(/[0-9a-f]{64}/g, 'ID') : error}`;
  }
}

test('an engine has three networks from its first boot on, with the same IDs for life', async () => {
  const show = (): string[] =>
    world.room
      .list()
      .map(({ name, driver, id }) => `${name} ${driver} ${id}`)
      .sort();
  const before = show();
  expect(before.map((line) => line.replace(/ \S{64}$/, ''))).toEqual(['bridge bridge', 'host host', 'none null']);
  await world.closeRoom();
  // Nothing runs, so nobody needs a rule.
  expect(world.leftovers()).toEqual(['link gantry0']);
  world.openRoom();
  expect(show()).toEqual(before);
  expect(world.leftovers()).toEqual(base);
});

test('networks are refused and removed with the words of Docker', async () => {
  const made = world.room.create(network('net1', '10.220.0.0/24'));
  const create = (name: string, subnet = '', more = {}): Promise<string> =>
    failure(() => world.room.create(network(name, subnet, more)));
  expect(await create('net1')).toBe('conflict: network with name net1 already exists');
  expect(await create('bridge')).toBe('denied: operation is not permitted on predefined bridge network ');
  expect(await create('x', '10.220.0.128/25')).toBe(
    'denied: invalid pool request: Pool overlaps with other one on this address space',
  );
  expect(await create('x', '10.221.0.1/24')).toBe(
    'invalid: invalid network config:\ninvalid subnet 10.221.0.1/24: it should be 10.221.0.0/24',
  );
  const gateway = { subnet: '10.221.0.0/24', ipRange: '', gateway: '10.222.0.1', auxAddresses: {} };
  expect(await create('x', '', { ipam: { driver: 'default', options: {}, pools: [gateway] } })).toBe(
    "invalid: invalid network config:\ninvalid gateway 10.222.0.1: parent subnet 10.221.0.0/24 doesn't contain this address",
  );
  expect(await create('x', '', { driver: 'overlay' })).toStartWith('denied: This node is not a swarm manager.');
  expect(await create('x', '', { driver: 'host' })).toBe('denied: only one instance of "host" network is allowed');
  expect(await create('x', '', { options: { [option.bridgeName]: 'gantry0' } })).toMatch(
    /^denied: cannot create network ID \(gantry0\): conflicts with network ID \(gantry0\): networks have same bridge name$/,
  );
  expect(await failure(() => world.room.get('nowhere'))).toBe('not-found: network nowhere not found');
  expect(await failure(() => world.room.remove('host'))).toBe(
    'denied: host is a pre-defined network and cannot be removed',
  );
  {
    await using _c1 = await world.run('c1', { networkMode: 'net1' });
    expect(await failure(() => world.room.remove('net1'))).toMatch(
      /^denied: error while removing network: network net1 has active endpoints \(name:"c1" id:"[0-9a-f]{12}"\)$/,
    );
  }
  expect(world.room.get(made.id.slice(0, 8)).name).toBe('net1');
  world.room.remove('net1');
  await world.linksGone();
  expect(world.leftovers()).toEqual(base);
});

test('a subnet is chosen where neither a network nor the host has one', async () => {
  const made = [1, 2, 3].map((number) => world.room.create({ ...plainNetwork, name: `auto${number}` }));
  expect(made.map(({ ipam }) => ipam.pools[0])).toEqual(
    ['172.17', '172.18', '172.19'].map((start) => ({
      subnet: `${start}.0.0/16`,
      gateway: `${start}.0.1`,
      ipRange: '',
      auxAddresses: {},
    })),
  );
  expect(world.room.prune(({ name }) => name !== 'auto2')).toEqual(['auto1', 'auto3']);
  world.room.remove('auto2');
});

test('a host port is had by one container, and by no other program', async () => {
  await using _c1 = await world.run('c1', publish('8080'));
  expect(await failure(() => world.run('c2', publish('8080')))).toBe(
    'internal: failed to set up container networking: driver failed programming external connectivity on endpoint c2 (ID): Bind for 0.0.0.0:8080 failed: port is already allocated',
  );
  expect(await failure(() => world.run('c2', publish('8080', '127.0.0.1')))).toEndWith(
    'Bind for 127.0.0.1:8080 failed: port is already allocated',
  );
  expect(await failure(() => serveTcp(host, '0.0.0.0', 8080))).toContain('EADDRINUSE');
  using _other = serveTcp(host, '0.0.0.0', 8085);
  expect(await failure(() => world.run('c2', publish('8085')))).toEndWith(
    'failed to bind host port 0.0.0.0:8085/tcp: address already in use',
  );
  expect(await failure(() => world.run('c2', publish('8086', '203.0.113.200')))).toEndWith(
    'failed to bind host port 203.0.113.200:8086/tcp: cannot assign requested address',
  );
  expect(world.room.endpointsOfNetwork(world.room.get('bridge').id).map(({ containerId }) => containerId)).toHaveLength(
    1,
  );
});

test('a range gives each container the next free port, and chosen ones are told', async () => {
  const range = { portBindings: { '80/tcp': [{ hostIp: '', hostPort: '8000-8001' }] } };
  await using c1 = await world.run('c1', range);
  await using c2 = await world.run('c2', range);
  const ports = (c: typeof c1): string[] => c.joined.ports.map(({ hostIp, hostPort }) => `${hostIp} ${hostPort}`);
  expect([ports(c1), ports(c2)]).toEqual([
    ['0.0.0.0 8000', ':: 8000'],
    ['0.0.0.0 8001', ':: 8001'],
  ]);
  expect(await failure(() => world.run('c3', range))).toEndWith('(ID): all ports are allocated');
  await using c4 = await world.run('c4', { exposedPorts: ['80/tcp', '53/udp'], publishAllPorts: true });
  const chosen = c4.joined.ports;
  expect(chosen.map(({ protocol, containerPort, hostIp }) => `${protocol} ${containerPort} ${hostIp}`)).toEqual([
    'udp 53 0.0.0.0',
    'tcp 80 0.0.0.0',
    'tcp 80 ::',
  ]);
  using _server = serveTcp(c4.namespace, '0.0.0.0', 80);
  expect(await callTcp(world.outside, world.hostAddress, chosen[1]?.hostPort ?? 0)).toStartWith('hello');
});

test('addresses run out with a clear word, and come back', async () => {
  world.room.create(network('tiny', '10.230.0.0/30'));
  {
    await using c1 = await world.run('c1', { networkMode: 'tiny' });
    expect(c1.ipv4).toBe('10.230.0.2');
    expect(await failure(() => world.run('c2', { networkMode: 'tiny' }))).toBe(
      "unavailable: failed to set up container networking: no available IPv4 addresses on this network's address pools: tiny (ID)",
    );
    await c1.stop();
    await using c2 = await world.run('c2', { networkMode: 'tiny' });
    expect(c2.ipv4).toBe('10.230.0.2');
  }
  world.room.remove('tiny');
});

test('an address that is asked for is given, or refused', async () => {
  world.room.create(network('own', '10.231.0.0/24'));
  {
    const at = (ipv4Address: string) => ({
      networkMode: 'own',
      endpoints: { own: { ...emptyEndpointConfig, ipv4Address, macAddress: '02:00:00:00:aa:bb' } },
    });
    await using c1 = await world.run('c1', at('10.231.0.77'));
    expect([c1.ipv4, c1.joined.endpoints[0]?.macAddress]).toEqual(['10.231.0.77', '02:00:00:00:aa:bb']);
    expect(await failure(() => world.run('c2', at('10.231.0.77')))).toEndWith('Address already in use');
    expect(await failure(() => world.run('c2', at('10.231.0.1')))).toEndWith('Address already in use');
    expect(await failure(() => world.run('c2', at('10.232.0.1')))).toBe(
      'invalid: invalid endpoint settings:\nno configured subnet contains IP address 10.232.0.1',
    );
    const onBridge = { endpoints: { bridge: { ...emptyEndpointConfig, ipv4Address: '10.200.0.9' } } };
    expect(await failure(() => world.run('c2', onBridge))).toBe(
      'invalid: invalid endpoint settings:\nuser-specified IP address is supported on user-defined networks only',
    );
  }
  world.room.remove('own');
});

test('a running container is connected and disconnected, default route included', async () => {
  const front = world.room.create(network('front', '10.233.0.0/24'));
  world.room.create(network('inner', '10.234.0.0/24', { internal: true }));
  {
    await using c1 = await world.run('c1', { networkMode: 'inner' });
    await using c2 = await world.run('c2', { networkMode: 'front' });
    using _outside = serveTcp(world.outside, '0.0.0.0', 7000);
    using _c2 = serveTcp(c2.namespace, '0.0.0.0', 80);
    expect(await callTcp(c1.namespace, world.outsideAddress, 7000)).toBe('refused');
    await world.room.connect('front', c1, emptyEndpointConfig);
    expect(await callTcp(c1.namespace, world.outsideAddress, 7000)).toBe(`hello ${world.hostAddress}`);
    expect(await callTcp(c1.namespace, c2.ipv4, 80)).toStartWith('hello 10.233.0.');
    expect(await failure(() => world.room.connect('front', c1, emptyEndpointConfig))).toBe(
      'denied: endpoint with name c1 already exists in network front',
    );
    expect(await failure(() => world.room.connect('host', c1, emptyEndpointConfig))).toBe(
      'invalid: container cannot be disconnected from host network or connected to host network',
    );
    await world.room.disconnect(front.id, c1, false);
    expect(await callTcp(c1.namespace, world.outsideAddress, 7000)).toBe('refused');
    expect(await failure(() => world.room.disconnect('front', c1, false))).toBe(
      'internal: container ID is not connected to network front',
    );
  }
  world.room.remove('front');
  world.room.remove('inner');
  await world.linksGone();
  expect(world.leftovers()).toEqual(base);
});

test('the next daemon serves what still runs, and gives back what has ended', async () => {
  world.room.create(network('kept', '10.235.0.0/24'));
  await using c1 = await world.run('c1', { ...publish('8080'), networkMode: 'kept' });
  const c2 = await world.run('c2', { ...publish('8081'), networkMode: 'kept' });
  using _server = serveTcp(c1.namespace, '0.0.0.0', 80);
  await world.closeRoom();
  // No daemon: packets go on.
  expect(await callTcp(world.outside, world.hostAddress, 8080)).toStartWith('hello');
  const running = world.running().filter(({ id }) => id === c1.id);
  const room = world.openRoom();
  await room.reconcile(running);
  expect(await callTcp(world.outside, world.hostAddress, 8080)).toStartWith('hello');
  expect(await failure(() => world.run('c3', publish('8080')))).toEndWith('port is already allocated');
  expect(room.portsOfContainer(c2.id)).toEqual([]);
  expect(room.endpointsOfContainer(c2.id).map(({ ipv4Address }) => ipv4Address)).toEqual(['']);
  await using _c4 = await world.run('c4', publish('8081'));
  await c2[Symbol.asyncDispose]();
});

test('after a reboot bridges and rules are there again, and links that nobody owns are gone', async () => {
  await world.closeRoom();
  using socket = new NetlinkSocket(netlinkFamily.route);
  socket.request('lose a bridge', (writer) => deleteLink(writer, { name: 'gantry0' }));
  Bun.spawnSync(['ip', 'link', 'add', 'br-stray', 'type', 'bridge']);
  Bun.spawnSync(['ip', 'link', 'set', 'br-stray', 'alias', 'gantry test']);
  Bun.spawnSync(['ip', 'link', 'add', 'br-foreign', 'type', 'bridge']);
  await world.openRoom().reconcile([]);
  const kept = `link br-${world.room.get('kept').id.slice(0, 12)}`;
  expect(world.leftovers()).toEqual(['link br-foreign', kept, ...base].sort());
  world.room.remove('kept');
  expect(world.leftovers()).toEqual(['link br-foreign', ...base]);
});

test('the default bridge follows the settings of the daemon', async () => {
  await world.closeRoom();
  await world.openRoom({ bridgeName: 'gantry1', bip: '10.200.7.1/24' }).reconcile([]);
  {
    await using c1 = await world.run('c1');
    expect(c1.ipv4).toBe('10.200.7.2');
  }
  await world.linksGone();
  expect(world.leftovers()).toEqual(['link br-foreign', 'link gantry1', ...base.slice(1)].sort());
  await world.closeRoom();
  await world.openRoom().reconcile([]);
  expect(world.leftovers()).toEqual(['link br-foreign', ...base]);
});

test('starts and ends leave no link, no rule and no address behind', async () => {
  const before = Bun.spawnSync(['nft', '--stateless', 'list', 'ruleset']).stdout.toString();
  for (let round = 0; round < 5; round++) {
    await using _c1 = await world.run('c1', publish('8080'));
    await using _c2 = await world.run('c2', { exposedPorts: ['1/udp'], publishAllPorts: true });
  }
  await world.linksGone();
  expect(Bun.spawnSync(['nft', '--stateless', 'list', 'ruleset']).stdout.toString()).toBe(before);
  expect(world.warnings).toEqual([]);
});
