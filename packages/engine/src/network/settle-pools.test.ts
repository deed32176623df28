import { expect, test } from 'bun:test';
import { parseCidr } from '@gantry/net';
import { checkPools, defaultSources, settlePools, uniqueLocalSource } from './settle-pools.ts';
import type { IpamPool, NetworkCreateRequest } from './types.ts';

const pool = (change: Partial<IpamPool>): IpamPool => ({
  subnet: '',
  ipRange: '',
  gateway: '',
  auxAddresses: {},
  ...change,
});
const request = (pools: IpamPool[], change: Partial<NetworkCreateRequest> = {}): NetworkCreateRequest => ({
  name: 'n',
  driver: 'bridge',
  internal: false,
  attachable: false,
  enableIpv4: true,
  enableIpv6: false,
  ipam: { driver: 'default', options: {}, pools },
  options: {},
  labels: {},
  ...change,
});
const facts = {
  ownSubnets: [],
  hostSubnets: [],
  sources: [...defaultSources, uniqueLocalSource(Uint8Array.of(1, 2, 3, 4, 5))],
};
const subnets = (...texts: string[]) => texts.map((text) => parseCidr(text)!);
const shown = (pools: IpamPool[]): string[] => pools.map(({ subnet, gateway }) => `${subnet} ${gateway}`);
const message = (body: () => unknown): string => {
  try {
    body();
    return '';
  } catch (error) {
    return error instanceof Error && 'code' in error ? `${error.code}: ${error.message}` : String(error);
  }
};

test('a network without pools gets the first free ones of the defaults, for each family', () => {
  expect(shown(settlePools(request([]), facts))).toEqual(['172.17.0.0/16 172.17.0.1']);
  expect(shown(settlePools(request([], { enableIpv6: true }), facts))).toEqual([
    '172.17.0.0/16 172.17.0.1',
    'fd01:203:405::/64 fd01:203:405::1',
  ]);
  const busy = {
    ...facts,
    ownSubnets: subnets('172.17.0.0/16'),
    hostSubnets: subnets('172.16.0.0/12', '192.168.1.0/24'),
  };
  expect(shown(settlePools(request([]), busy))).toEqual(['192.168.16.0/20 192.168.16.1']);
});

test('nothing left to choose has the words of Docker', () => {
  const full = { ...facts, hostSubnets: subnets('172.16.0.0/12', '192.168.0.0/16') };
  expect(message(() => settlePools(request([]), full))).toBe(
    'invalid: all predefined address pools have been fully subnetted',
  );
});

test("a gateway is the one asked for, or the first address of the range that is nobody else's", () => {
  const settle = (change: Partial<IpamPool>): string[] =>
    shown(settlePools(request([pool({ subnet: '10.1.0.0/16', ...change })]), facts));
  expect(settle({})).toEqual(['10.1.0.0/16 10.1.0.1']);
  expect(settle({ gateway: '10.1.9.9' })).toEqual(['10.1.0.0/16 10.1.9.9']);
  expect(settle({ ipRange: '10.1.5.0/24' })).toEqual(['10.1.0.0/16 10.1.5.0']);
  expect(settle({ auxAddresses: { router: '10.1.0.1' } })).toEqual(['10.1.0.0/16 10.1.0.2']);
});

test('only our own networks keep a subnet from being asked for', () => {
  const asked = request([pool({ subnet: '10.1.0.0/16' })]);
  expect(settlePools(asked, { ...facts, hostSubnets: subnets('10.0.0.0/8') })).toHaveLength(1);
  expect(message(() => settlePools(asked, { ...facts, ownSubnets: subnets('10.1.2.0/24') }))).toBe(
    'denied: invalid pool request: Pool overlaps with other one on this address space',
  );
});

test.each(['127.0.0.0/8', '127.1.0.0/16', '224.0.0.0/24'])(
  'a network of %s would break the host, and is refused',
  (subnet) => {
    expect(message(() => settlePools(request([pool({ subnet })]), facts))).toContain(`invalid subnet ${subnet}`);
  },
);

test('every fault of the pools is listed at once', () => {
  const pools = [
    pool({
      subnet: '10.1.0.1/16',
      ipRange: '10.2.0.0/15',
      gateway: '10.3.0.1',
      auxAddresses: { a: '10.4.0.1', b: 'fd00::1' },
    }),
    pool({ subnet: 'nonsense' }),
  ];
  expect(message(() => checkPools(pools, false))).toBe(
    `invalid: invalid network config:
invalid subnet 10.1.0.1/16: it should be 10.1.0.0/16
invalid ip-range 10.2.0.0/15: CIDR block is bigger than its parent subnet 10.1.0.0/16
invalid ip-range 10.2.0.0/15: parent subnet 10.1.0.0/16 doesn't contain ip-range
invalid gateway 10.3.0.1: parent subnet 10.1.0.0/16 doesn't contain this address
invalid auxiliary address a: parent subnet 10.1.0.0/16 doesn't contain this address
invalid auxiliary address b: parent subnet is an IPv4 block
invalid subnet nonsense: invalid CIDR block notation`,
  );
});

test('two subnets of one family, and a network of no family, are refused', () => {
  const two = [pool({ subnet: '10.1.0.0/16' }), pool({ subnet: '10.2.0.0/16' })];
  expect(message(() => settlePools(request(two), facts))).toBe(
    "denied: bridge driver doesn't support multiple subnets",
  );
  expect(message(() => settlePools(request([], { enableIpv4: false }), facts))).toBe(
    'invalid: IPv4 or IPv6 must be enabled',
  );
});
