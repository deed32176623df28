import { EngineError } from '@gantry/base';
import {
  type AddressPool,
  cidrContains,
  type IpAddress,
  isAssignable,
  nextFreeAddress,
  parseCidr,
  parseIp,
} from '@gantry/net';
import type { IpamPool, NetworkRecord } from './types.ts';

type NetworkPools = {
  readonly pools: readonly AddressPool[];
  readonly taken: Set<bigint>;
  /** When an address was given back, in milliseconds of the clock. */
  readonly released: Map<bigint, number>;
};

/**
 * How long an address rests while others are free. The kernel takes 10 to 20 ms to end a namespace after its last
 * process, and until then the old owner still answers for the address.
 */
const restMs = 500;

/** The addresses that joined containers have, network by network. Rebuilt from the rows at boot. */
export class AddressBook {
  readonly #networks = new Map<string, NetworkPools>();
  readonly #clockMs: () => number;

  constructor(clockMs: () => number) {
    this.#clockMs = clockMs;
  }

  addNetwork(network: Pick<NetworkRecord, 'id' | 'ipam'>): void {
    const known = this.#networks.get(network.id);
    this.#networks.set(network.id, {
      pools: network.ipam.pools.map(poolFrom),
      taken: known?.taken ?? new Set(),
      released: known?.released ?? new Map(),
    });
  }

  removeNetwork(id: string): void {
    this.#networks.delete(id);
  }

  /** The subnet of a family, with its prefix and gateway; undefined when the network has none. */
  pool(networkId: string, family: 4 | 6): AddressPool | undefined {
    return this.#networks.get(networkId)?.pools.find(({ subnet }) => subnet.address.family === family);
  }

  /**
   * Takes an address: the one asked for, or the lowest free one.
   *
   * @param wanted.asked text of the address asked for; empty: any
   * @throws unavailable, denied, invalid with Docker's texts
   */
  take(network: NetworkRecord, wanted: { readonly family: 4 | 6; readonly asked: string }): IpAddress {
    const { family, asked } = wanted;
    const exhausted = `no available IPv${family} addresses on this network's address pools: ${network.name} (${network.id})`;
    const pool = this.pool(network.id, family);
    const addresses = this.#networks.get(network.id);
    if (pool === undefined || addresses === undefined) throw new EngineError('unavailable', exhausted);
    const ip = asked === '' ? this.#nextFree(pool, addresses) : askedAddress(pool, asked);
    if (ip === undefined) throw new EngineError('unavailable', exhausted);
    if (addresses.taken.has(ip.value)) throw new EngineError('denied', 'Address already in use');
    addresses.taken.add(ip.value);
    addresses.released.delete(ip.value);
    return ip;
  }

  #nextFree(pool: AddressPool, { taken, released }: NetworkPools): IpAddress | undefined {
    const rested = this.#clockMs() - restMs;
    for (const [value, at] of released) {
      if (at > rested) break;
      released.delete(value);
    }
    const isTaken = (value: bigint): boolean => taken.has(value);
    const rests = (value: bigint): boolean => isTaken(value) || released.has(value);
    return nextFreeAddress(pool, rests) ?? nextFreeAddress(pool, isTaken);
  }

  /** Marks an address that a row says is in use. */
  claim(networkId: string, address: string): void {
    const ip = parseIp(address);
    if (ip !== undefined) this.#networks.get(networkId)?.taken.add(ip.value);
  }

  release(networkId: string, address: string): void {
    const ip = parseIp(address);
    const addresses = this.#networks.get(networkId);
    if (ip === undefined || addresses?.taken.delete(ip.value) !== true) return;
    addresses.released.set(ip.value, this.#clockMs());
  }
}

function askedAddress(pool: AddressPool, asked: string): IpAddress {
  const ip = parseIp(asked);
  if (ip === undefined || !cidrContains(pool.subnet, ip))
    throw new EngineError('invalid', `invalid endpoint settings:\nno configured subnet contains IP address ${asked}`);
  if (!isAssignable(pool, ip)) throw new EngineError('denied', 'Address already in use');
  return ip;
}

function poolFrom(pool: IpamPool): AddressPool {
  const subnet = parseCidr(pool.subnet);
  if (subnet === undefined) throw new Error(`unreachable: "${pool.subnet}" was checked when the network was made`);
  const range = pool.ipRange === '' ? undefined : parseCidr(pool.ipRange);
  const reserved = [pool.gateway, ...Object.values(pool.auxAddresses)].flatMap((text) => parseIp(text) ?? []);
  return { subnet, range, reserved };
}
