import { type IpAddress, ipToBytes } from '../address/ip.ts';

/** The types of set keys and map data that we use, as `nft` names and numbers them. */
export const keyType = {
  ipv4_addr: { id: 7, size: 4 },
  ipv6_addr: { id: 8, size: 16 },
  inet_proto: { id: 12, size: 1 },
  inet_service: { id: 13, size: 2 },
  ifname: { id: 41, size: 16 },
} as const;
export type KeyType = keyof typeof keyType;

/** A part of a key takes whole 32-bit registers. */
export const paddedSize = (type: KeyType): number => (keyType[type].size + 3) & ~3;

/** Length of a concatenated key in registers' bytes. A key of one part is not padded. */
export function keyLength(types: readonly KeyType[]): number {
  const [only] = types;
  if (types.length === 1 && only !== undefined) return keyType[only].size;
  return types.reduce((sum, type) => sum + paddedSize(type), 0);
}

/** The number that tells `nft` the types of a concatenation: six bits each. The kernel only stores it. */
export function keyTypeId(types: readonly KeyType[]): number {
  return types.reduce((id, type) => (id << 6) | keyType[type].id, 0);
}

const utf8 = new TextEncoder();

/** One part of a key. Numbers are in network byte order; an interface name is padded with NUL. */
export const keyPart = {
  ip: (ip: IpAddress): Uint8Array => ipToBytes(ip),
  protocol: (protocol: number): Uint8Array => Uint8Array.of(protocol),
  port: (port: number): Uint8Array => Uint8Array.of(port >>> 8, port & 255),
  ifname: (name: string): Uint8Array => {
    const bytes = new Uint8Array(16);
    bytes.set(utf8.encode(name).subarray(0, 15));
    return bytes;
  },
} as const;

/** Joins the parts of a key, each padded to whole registers when there are several. */
export function joinKey(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const size = parts.reduce((sum, part) => sum + ((part.length + 3) & ~3), 0);
  const key = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    key.set(part, at);
    at += (part.length + 3) & ~3;
  }
  return key;
}
