import { formatIp, type IpAddress, parseIp } from './ip.ts';

/** An address with a prefix length: an interface's address, or a subnet when no host bit is set. */
export type Cidr = { readonly address: IpAddress; readonly prefix: number };

const width = (family: 4 | 6): number => (family === 4 ? 32 : 128);

/** Parses `10.0.0.1/8`; undefined when the text is no such thing. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = parseIp(match?.[1] ?? '');
  const prefix = Number(match?.[2] ?? -1);
  if (address === undefined || prefix < 0 || prefix > width(address.family)) return undefined;
  return { address, prefix };
}

export function formatCidr(cidr: Cidr): string {
  return `${formatIp(cidr.address)}/${cidr.prefix}`;
}

/** How many addresses the prefix leaves open. */
export function cidrSize(cidr: Cidr): bigint {
  return 1n << BigInt(width(cidr.address.family) - cidr.prefix);
}

/** The subnet that an address with prefix lies in: its host bits cleared. */
export function subnetOf(cidr: Cidr): Cidr {
  const size = cidrSize(cidr);
  return { address: { ...cidr.address, value: cidr.address.value & ~(size - 1n) }, prefix: cidr.prefix };
}

export function firstAddress(cidr: Cidr): IpAddress {
  return subnetOf(cidr).address;
}

/** The last address of the subnet: the broadcast address in IPv4. */
export function lastAddress(cidr: Cidr): IpAddress {
  return { ...cidr.address, value: firstAddress(cidr).value + cidrSize(cidr) - 1n };
}

export function cidrContains(cidr: Cidr, ip: IpAddress): boolean {
  return (
    cidr.address.family === ip.family && ip.value >= firstAddress(cidr).value && ip.value <= lastAddress(cidr).value
  );
}

/** Tells whether two subnets share an address. Different families never do. */
export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  if (a.address.family !== b.address.family) return false;
  return firstAddress(a).value <= lastAddress(b).value && firstAddress(b).value <= lastAddress(a).value;
}
