import { type Cidr, firstAddress, lastAddress } from '../address/cidr.ts';
import { type IpAddress, ipFromBytes, ipToBytes } from '../address/ip.ts';
import { type NetlinkMessage, parseAttributes, readU32, viewOf } from './reader.ts';
import { type MessageWriter, messageFlag } from './writer.ts';

/** rtnetlink message types of addresses, routes and neighbours. */
export const addressMessage = { new: 20, delete: 21, get: 22 } as const;
export const routeMessage = { new: 24, delete: 25, get: 26 } as const;
export const neighbourMessage = { new: 28, delete: 29, get: 30 } as const;

const addressAttribute = { address: 1, local: 2, broadcast: 4 } as const;
const routeAttribute = { destination: 1, interface: 4, gateway: 5, priority: 6, table: 15 } as const;
const noDuplicateDetection = 2;
const routeTable = { main: 254 } as const;
const createFlags = messageFlag.request | messageFlag.acknowledge | messageFlag.create | messageFlag.exclusive;
const familyNumber = (family: 4 | 6): number => (family === 4 ? 2 : 10);
const familyOf = (number: number): 4 | 6 | undefined => (number === 2 ? 4 : number === 10 ? 6 : undefined);

function addressHeader(writer: MessageWriter, cidr: Cidr, index: number): void {
  // IPAM already knows that an address is nobody else's: without duplicate detection IPv6 is usable at once.
  const flags = cidr.address.family === 6 ? noDuplicateDetection : 0;
  writer.u8(familyNumber(cidr.address.family)).u8(cidr.prefix).u8(flags).u8(0).u32(index);
}

/** Gives a link an address with its subnet (and so a route to the subnet). */
export function addAddress(writer: MessageWriter, index: number, cidr: Cidr): void {
  writer.message(addressMessage.new, createFlags, () => {
    addressHeader(writer, cidr, index);
    const bytes = ipToBytes(cidr.address);
    writer.attribute(addressAttribute.local, bytes);
    writer.attribute(addressAttribute.address, bytes);
    if (cidr.address.family === 4 && cidr.prefix < 31)
      writer.attribute(addressAttribute.broadcast, ipToBytes(lastAddress(cidr)));
  });
}

export function deleteAddress(writer: MessageWriter, index: number, cidr: Cidr): void {
  writer.message(addressMessage.delete, messageFlag.request | messageFlag.acknowledge, () => {
    addressHeader(writer, cidr, index);
    writer.attribute(addressAttribute.local, ipToBytes(cidr.address));
  });
}

export function dumpAddresses(writer: MessageWriter): void {
  writer.message(addressMessage.get, messageFlag.request | messageFlag.dump, () => writer.u32(0).u32(0));
}

export type LinkAddress = { readonly index: number; readonly cidr: Cidr };

/** Reads one entry of dumpAddresses; undefined for another message or family. */
export function parseAddress(message: NetlinkMessage): LinkAddress | undefined {
  if (message.type !== addressMessage.new || message.body.length < 8) return undefined;
  const view = viewOf(message.body);
  const attributes = parseAttributes(message.body, 8);
  const bytes = attributes.get(addressAttribute.local) ?? attributes.get(addressAttribute.address);
  const address = bytes === undefined ? undefined : ipFromBytes(bytes);
  if (address === undefined) return undefined;
  return { index: view.getUint32(4, true), cidr: { address, prefix: view.getUint8(1) } };
}

export type RouteChange = {
  readonly family: 4 | 6;
  /** undefined: the default route. */
  readonly destination: Cidr | undefined;
  readonly gateway: IpAddress | undefined;
  /** 0: found by the gateway. */
  readonly index: number;
};

const scopeUniverse = 0;
const scopeLink = 253;
const protocolBoot = 3;
const unicast = 1;

function routeBody(writer: MessageWriter, route: RouteChange): void {
  const prefix = route.destination?.prefix ?? 0;
  const scope = route.gateway === undefined && route.family === 4 ? scopeLink : scopeUniverse;
  writer.u8(familyNumber(route.family)).u8(prefix).u8(0).u8(0);
  writer.u8(routeTable.main).u8(protocolBoot).u8(scope).u8(unicast).u32(0);
  if (route.destination !== undefined)
    writer.attribute(routeAttribute.destination, ipToBytes(firstAddress(route.destination)));
  if (route.gateway !== undefined) writer.attribute(routeAttribute.gateway, ipToBytes(route.gateway));
  if (route.index > 0) writer.attributeU32(routeAttribute.interface, route.index);
}

export function addRoute(writer: MessageWriter, route: RouteChange): void {
  writer.message(routeMessage.new, createFlags, () => routeBody(writer, route));
}

export function deleteRoute(writer: MessageWriter, route: RouteChange): void {
  writer.message(routeMessage.delete, messageFlag.request | messageFlag.acknowledge, () => {
    routeBody(writer, route);
  });
}

export function dumpRoutes(writer: MessageWriter): void {
  writer.message(routeMessage.get, messageFlag.request | messageFlag.dump, () => {
    writer.u32(0).u32(0).u32(0);
  });
}

export type Route = {
  readonly family: 4 | 6;
  readonly destination: Cidr | undefined;
  readonly gateway: IpAddress | undefined;
  readonly index: number;
  readonly table: number;
};

/** Reads one entry of dumpRoutes; undefined for another message or family. */
export function parseRoute(message: NetlinkMessage): Route | undefined {
  if (message.type !== routeMessage.new || message.body.length < 12) return undefined;
  const view = viewOf(message.body);
  const family = familyOf(view.getUint8(0));
  if (family === undefined) return undefined;
  const attributes = parseAttributes(message.body, 12);
  const destination = ipFromBytes(attributes.get(routeAttribute.destination) ?? new Uint8Array(0));
  const gateway = ipFromBytes(attributes.get(routeAttribute.gateway) ?? new Uint8Array(0));
  return {
    family,
    destination: destination === undefined ? undefined : { address: destination, prefix: view.getUint8(1) },
    gateway,
    index: readU32(attributes.get(routeAttribute.interface)),
    table: readU32(attributes.get(routeAttribute.table)) || view.getUint8(4),
  };
}

/** The kernel's main table: where routes that other programs made are looked for. */
export const mainTable = routeTable.main;

const reachable = 2;

/**
 * Tells the link-layer address of a neighbour, as if it had just answered: nobody is asked, and what was known or being
 * asked for before is forgotten. The entry ages like any other.
 */
export function addNeighbour(
  writer: MessageWriter,
  neighbour: { index: number; ip: IpAddress; mac: Uint8Array },
): void {
  const flags = messageFlag.request | messageFlag.acknowledge | messageFlag.create | messageFlag.replace;
  writer.message(neighbourMessage.new, flags, () => {
    writer.u8(familyNumber(neighbour.ip.family)).u8(0).u16(0).u32(neighbour.index).u16(reachable).u8(0).u8(0);
    writer.attribute(1, ipToBytes(neighbour.ip));
    writer.attribute(2, neighbour.mac);
  });
}
