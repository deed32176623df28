import { EngineError } from '@gantry/base';
import {
  type Cidr,
  chooseSubnet,
  cidrContains,
  cidrsOverlap,
  formatCidr,
  formatIp,
  nextFreeAddress,
  type PoolSource,
  parseCidr,
  parseIp,
  subnetOf,
} from '@gantry/net';
import type { IpamPool, NetworkCreateRequest } from './types.ts';

/** What a network may not overlap, and where subnets come from when none is asked for. */
export type PoolFacts = {
  /** Subnets of this engine's other networks. */
  readonly ownSubnets: readonly Cidr[];
  /** Addresses and routes of the host. */
  readonly hostSubnets: readonly Cidr[];
  readonly sources: readonly PoolSource[];
};

const source = (base: string, prefix: number): PoolSource => {
  const cidr = parseCidr(base);
  if (cidr === undefined) throw new Error(`unreachable: "${base}" is no subnet`);
  return { base: cidr, prefix };
};

/** Docker's default pools for IPv4: sixteen big ones, then many small ones. */
export const defaultSources: readonly PoolSource[] = [
  source('172.17.0.0/16', 16),
  source('172.18.0.0/15', 16),
  source('172.20.0.0/14', 16),
  source('172.24.0.0/13', 16),
  source('192.168.0.0/16', 20),
];

/** IPv6 subnets come from a unique local prefix (RFC 4193) of the engine's own. @param seed forty bits */
export function uniqueLocalSource(seed: Uint8Array): PoolSource {
  const value = seed.subarray(0, 5).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0xfdn);
  return { base: { address: { family: 6, value: value << 80n }, prefix: 48 }, prefix: 64 };
}

/**
 * The pools of a new network: those asked for, checked, and chosen ones for each enabled family that has none.
 *
 * @throws invalid and denied with Docker's texts
 */
export function settlePools(request: NetworkCreateRequest, facts: PoolFacts): IpamPool[] {
  const asked = request.ipam.pools;
  checkPools(asked, request.enableIpv6);
  const families: readonly (4 | 6)[] = [
    ...(request.enableIpv4 ? ([4] as const) : []),
    ...(request.enableIpv6 ? ([6] as const) : []),
  ];
  if (families.length === 0) throw new EngineError('invalid', 'IPv4 or IPv6 must be enabled');
  return families.map((family) => settleFamily(family, asked, facts));
}

function settleFamily(family: 4 | 6, asked: readonly IpamPool[], facts: PoolFacts): IpamPool {
  const matching = asked.filter((pool) => familyOf(pool) === family);
  if (matching.length > 1) throw new EngineError('denied', "bridge driver doesn't support multiple subnets");
  const [pool] = matching;
  const subnet = pool === undefined || pool.subnet === '' ? chosenSubnet(family, facts) : ownSubnet(pool, facts);
  const gateway = pool?.gateway ?? '';
  return {
    subnet: formatCidr(subnet),
    ipRange: pool?.ipRange ?? '',
    gateway: gateway === '' ? firstGateway(subnet, pool) : gateway,
    auxAddresses: pool?.auxAddresses ?? {},
  };
}

/** A pool without a subnet (only a gateway, say) belongs to the family of what it does name; IPv4 when nothing. */
function familyOf(pool: IpamPool): 4 | 6 {
  const text = [pool.subnet, pool.ipRange, pool.gateway].find((given) => given !== '') ?? '';
  return text.includes(':') ? 6 : 4;
}

function chosenSubnet(family: 4 | 6, facts: PoolFacts): Cidr {
  const sources = facts.sources.filter(({ base }) => base.address.family === family);
  const subnet = chooseSubnet(sources, [...facts.ownSubnets, ...facts.hostSubnets]);
  if (subnet === undefined) throw new EngineError('invalid', 'all predefined address pools have been fully subnetted');
  return subnet;
}

function ownSubnet(pool: IpamPool, facts: PoolFacts): Cidr {
  const subnet = subnetFrom(pool);
  // Only our own networks: a user may well want the subnet of a link that another program made.
  if (facts.ownSubnets.some((used) => cidrsOverlap(used, subnet)))
    throw new EngineError('denied', 'invalid pool request: Pool overlaps with other one on this address space');
  return subnet;
}

function subnetFrom(pool: IpamPool): Cidr {
  const subnet = parseCidr(pool.subnet);
  if (subnet === undefined) throw new EngineError('invalid', `invalid subnet ${pool.subnet}`);
  return subnetOf(subnet);
}

function firstGateway(subnet: Cidr, pool: IpamPool | undefined): string {
  const reserved = Object.values(pool?.auxAddresses ?? {}).flatMap((text) => parseIp(text) ?? []);
  const range = pool === undefined || pool.ipRange === '' ? undefined : parseCidr(pool.ipRange);
  const gateway = nextFreeAddress({ subnet, range, reserved }, () => false);
  if (gateway === undefined) throw new EngineError('unavailable', 'no available addresses on this pool');
  return formatIp(gateway);
}

/** Checks pools as they were asked for. @throws invalid with every fault, one a line, as Docker lists them */
export function checkPools(pools: readonly IpamPool[], enableIpv6: boolean): void {
  const faults = pools.flatMap((pool) => faultsOf(pool, enableIpv6));
  if (faults.length > 0) throw new EngineError('invalid', `invalid network config:\n${faults.join('\n')}`);
}

function faultsOf(pool: IpamPool, enableIpv6: boolean): string[] {
  if (pool.subnet === '') return [];
  const subnet = parseCidr(pool.subnet);
  if (subnet === undefined) return [`invalid subnet ${pool.subnet}: invalid CIDR block notation`];
  if (subnet.address.family === 6 && !enableIpv6) return [];
  const masked = subnetOf(subnet);
  const faults: string[] = [];
  if (isUnusable(masked))
    faults.push(`invalid subnet ${pool.subnet}: its addresses are not those of hosts on a network`);
  if (formatCidr(subnet) !== formatCidr(masked))
    faults.push(`invalid subnet ${pool.subnet}: it should be ${formatCidr(masked)}`);
  faults.push(...rangeFaults(pool.ipRange, masked));
  const gatewayFault = addressFault(pool.gateway, masked);
  if (gatewayFault !== '') faults.push(`invalid gateway ${pool.gateway}: ${gatewayFault}`);
  for (const [name, address] of Object.entries(pool.auxAddresses)) {
    const fault = addressFault(address, masked);
    if (fault !== '') faults.push(`invalid auxiliary address ${name}: ${fault}`);
  }
  return faults;
}

/** Loopback and multicast: a bridge with such an address would break the host's own. */
const unusable = ['127.0.0.0/8', '224.0.0.0/4', '::1/128', 'ff00::/8'].flatMap((text) => parseCidr(text) ?? []);

const isUnusable = (subnet: Cidr): boolean => unusable.some((range) => cidrsOverlap(range, subnet));

function rangeFaults(text: string, subnet: Cidr): string[] {
  if (text === '') return [];
  const range = parseCidr(text);
  if (range === undefined) return [`invalid ip-range ${text}: invalid CIDR block notation`];
  if (range.address.family !== subnet.address.family)
    return [`invalid ip-range ${text}: parent subnet is an IPv${subnet.address.family} block`];
  const faults: string[] = [];
  const parent = formatCidr(subnet);
  if (range.prefix < subnet.prefix)
    faults.push(`invalid ip-range ${text}: CIDR block is bigger than its parent subnet ${parent}`);
  const masked = formatCidr(subnetOf(range));
  if (formatCidr(range) !== masked) faults.push(`invalid ip-range ${text}: it should be ${masked}`);
  if (!cidrsOverlap(subnet, range))
    faults.push(`invalid ip-range ${text}: parent subnet ${parent} doesn't contain ip-range`);
  return faults;
}

function addressFault(text: string, subnet: Cidr): string {
  if (text === '') return '';
  const address = parseIp(text);
  if (address === undefined) return 'invalid address';
  if (address.family !== subnet.address.family) return `parent subnet is an IPv${subnet.address.family} block`;
  if (!cidrContains(subnet, address)) return `parent subnet ${formatCidr(subnet)} doesn't contain this address`;
  return '';
}
