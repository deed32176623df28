import { type Cidr, cidrContains, cidrSize, cidrsOverlap, firstAddress, lastAddress } from './cidr.ts';
import type { IpAddress } from './ip.ts';

/** What one pool hands out: addresses of `range` (or the whole subnet) that are neither reserved nor taken. */
export type AddressPool = {
  readonly subnet: Cidr;
  readonly range: Cidr | undefined;
  /** Gateway and auxiliary addresses: never handed out, and refused when asked for. */
  readonly reserved: readonly IpAddress[];
};

/** Tells whether an address may belong to an endpoint: inside, not the network's own, not broadcast, not reserved. */
export function isAssignable(pool: AddressPool, ip: IpAddress): boolean {
  if (!cidrContains(pool.subnet, ip)) return false;
  if (pool.reserved.some((reserved) => reserved.value === ip.value)) return false;
  // A subnet of one or two addresses has neither a network nor a broadcast address (RFC 3021, RFC 6164).
  if (cidrSize(pool.subnet) <= 2n) return true;
  if (ip.value === firstAddress(pool.subnet).value) return false;
  return pool.subnet.address.family === 6 || ip.value !== lastAddress(pool.subnet).value;
}

/**
 * The lowest free address: Docker's order, so that a lone container is always the first after the gateway.
 *
 * @param isTaken asked with the address as a number, since most of a full pool is asked about
 * @returns undefined when the pool is exhausted
 */
export function nextFreeAddress(pool: AddressPool, isTaken: (value: bigint) => boolean): IpAddress | undefined {
  const range = pool.range ?? pool.subnet;
  const { family } = range.address;
  const small = cidrSize(pool.subnet) <= 2n;
  const network = small ? -1n : firstAddress(pool.subnet).value;
  const broadcast = small || family === 6 ? -1n : lastAddress(pool.subnet).value;
  const last = lastAddress(range).value;
  for (let value = firstAddress(range).value; value <= last; value++) {
    if (isTaken(value) || value === network || value === broadcast) continue;
    if (!pool.reserved.some((reserved) => reserved.value === value)) return { family, value };
  }
  return undefined;
}

/** A big block that subnets of one size are cut from. */
export type PoolSource = { readonly base: Cidr; readonly prefix: number };

/**
 * The first subnet of the sources that overlaps nothing in use: other networks, links and routes of the host.
 *
 * @returns undefined when all of them are in use
 */
export function chooseSubnet(sources: readonly PoolSource[], inUse: readonly Cidr[]): Cidr | undefined {
  for (const source of sources) {
    const family = source.base.address.family;
    const end = lastAddress(source.base).value;
    let value = firstAddress(source.base).value;
    while (value <= end) {
      const subnet: Cidr = { address: { family, value }, prefix: source.prefix };
      const obstacle = inUse.find((used) => cidrsOverlap(used, subnet));
      if (obstacle === undefined) return subnet;
      // Skip the whole obstacle at once: an IPv6 source has more subnets than anybody can count.
      const size = cidrSize(subnet);
      const past = lastAddress(obstacle).value + 1n;
      value = past > value + size ? ((past + size - 1n) / size) * size : value + size;
    }
  }
  return undefined;
}
