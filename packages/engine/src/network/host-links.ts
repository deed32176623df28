import { readFileSync, writeFileSync } from 'node:fs';
import { isErrno } from '@gantry/base';
import {
  addAddress,
  type Cidr,
  changeLink,
  cidrsOverlap,
  createBridge,
  deleteAddress,
  deleteLink,
  dumpAddresses,
  dumpLinks,
  dumpRoutes,
  formatCidr,
  getLink,
  isNetlinkError,
  type Link,
  type LinkAddress,
  mainTable,
  NetlinkSocket,
  netlinkFamily,
  parseAddress,
  parseLink,
  parseRoute,
} from '@gantry/net';

/** A bridge as it should be. */
export type WantedBridge = {
  readonly name: string;
  readonly mac: Uint8Array;
  /** 0: the kernel's default. */
  readonly mtu: number;
  readonly addresses: readonly Cidr[];
  readonly enableIpv6: boolean;
  /** Marks the link as this engine's own, for the sweep. */
  readonly alias: string;
};

/** The host's side of networking: bridges, what addresses are taken, a few sysctls. Everything is synchronous. */
export class HostLinks implements Disposable {
  readonly #socket = new NetlinkSocket(netlinkFamily.route);

  links(): Link[] {
    return this.#socket.dump('list links', dumpLinks).flatMap((message) => parseLink(message) ?? []);
  }

  find(name: string): Link | undefined {
    try {
      return parseLink(this.#socket.get(`find link "${name}"`, (writer) => getLink(writer, name)));
    } catch (error) {
      if (isNetlinkError(error, 'ENODEV')) return undefined;
      throw error;
    }
  }

  addresses(): LinkAddress[] {
    return this.#socket.dump('list addresses', dumpAddresses).flatMap((message) => parseAddress(message) ?? []);
  }

  /** Subnets that addresses and routes of the host take up, those of one link (being remade) left out. */
  takenSubnets(exceptLink = 0): Cidr[] {
    const routes = this.#socket.dump('list routes', dumpRoutes).flatMap((message) => parseRoute(message) ?? []);
    const routed = routes
      .filter(({ table, index }) => table === mainTable && index !== exceptLink)
      .flatMap(({ destination }) => (destination === undefined || destination.prefix === 0 ? [] : [destination]));
    const held = this.addresses().filter(({ index }) => index !== exceptLink);
    return [...routed, ...held.map(({ cidr }) => cidr)];
  }

  /**
   * Makes a bridge as wanted, or mends the one that is there: address, alias and being up are ours to set; ports that
   * it has stay.
   *
   * @returns its index, and whether it was made
   */
  ensureBridge(wanted: WantedBridge): { readonly index: number; readonly made: boolean } {
    const found = this.find(wanted.name);
    if (found === undefined) {
      // Both in one datagram, which the kernel takes as a whole: a daemon that is killed between them would leave a
      // bridge without our mark, which no later one would sweep.
      this.#socket.request(`make bridge "${wanted.name}"`, (writer) => {
        createBridge(writer, wanted);
        changeLink(writer, { name: wanted.name, alias: wanted.alias });
      });
    } else if (found.kind !== 'bridge') throw new Error(`existing interface ${wanted.name} is not a bridge`);
    const link = found ?? this.find(wanted.name);
    if (link === undefined) throw new Error(`cannot find bridge "${wanted.name}": it was removed while being made`);
    this.#tame(wanted);
    // A bridge that the user made stays the user's: without our mark it is never swept or removed.
    const mark = found === undefined ? { alias: wanted.alias } : {};
    this.#socket.request(`bring up bridge "${wanted.name}"`, (writer) => {
      changeLink(writer, { index: link.index, up: true, ...mark });
    });
    this.#settleAddresses({ ...link, ...mark }, wanted);
    return { index: link.index, made: found === undefined };
  }

  #settleAddresses({ index, alias }: Link, wanted: WantedBridge): void {
    const have = this.addresses().filter((address) => address.index === index);
    for (const { cidr } of alias === wanted.alias ? have : []) {
      const clashes = wanted.addresses.some(
        (address) => cidrsOverlap(address, cidr) && formatCidr(address) !== formatCidr(cidr),
      );
      if (clashes) this.#socket.request('drop an old address', (writer) => deleteAddress(writer, index, cidr));
    }
    for (const address of wanted.addresses) {
      if (have.some(({ cidr }) => formatCidr(cidr) === formatCidr(address))) continue;
      const what = `give bridge "${wanted.name}" the address ${formatCidr(address)}`;
      this.#socket.request(what, (writer) => addAddress(writer, index, address));
    }
  }

  /**
   * SAFETY: a bridge takes part in no router discovery, since what it would hear comes from containers
   * (CVE-2020-13401), and has no IPv6 of its own on a network without. route_localnet lets the host's 127.0.0.1 be
   * translated to a container; the `guard` chain keeps containers from using it the other way round.
   */
  #tame(wanted: WantedBridge): void {
    const v6 = `/proc/sys/net/ipv6/conf/${wanted.name}`;
    writeSysctl(`${v6}/accept_ra`, '0');
    writeSysctl(`${v6}/autoconf`, '0');
    writeSysctl(`${v6}/disable_ipv6`, wanted.enableIpv6 ? '0' : '1');
    writeSysctl(`/proc/sys/net/ipv4/conf/${wanted.name}/route_localnet`, '1');
  }

  deleteLink(name: string): void {
    try {
      this.#socket.request(`remove link "${name}"`, (writer) => deleteLink(writer, { name }));
    } catch (error) {
      if (!isNetlinkError(error, 'ENODEV')) throw error;
    }
  }

  /** Sends ready-made messages in the host's namespace. */
  request(what: string, messages: Uint8Array): void {
    this.#socket.request(what, messages);
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/** Writes a sysctl; a kernel without that protocol has no such file, and then there is nothing to set. */
export function writeSysctl(path: string, value: string): void {
  try {
    if (readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}

/** Reads a sysctl; undefined when the kernel has none of that name. */
export function readSysctl(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
