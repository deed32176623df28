import { isIpv4, isIpv6 } from './addresses.ts';

/** A block of addresses, `10.0.0.0/8`. */
export type Prefix = { readonly address: Uint8Array; readonly bits: number };

/** The four or sixteen bytes of an address. @throws Error in Go's words */
export function parseAddressBytes(text: string): Uint8Array {
  if (isIpv4(text)) return Uint8Array.from(text.split('.').map(Number));
  if (!isIpv6(text)) throw new Error(`ParseAddr(${JSON.stringify(text)}): unable to parse IP`);
  const tail = text.slice(text.lastIndexOf(':') + 1);
  const plain = isIpv4(tail) ? `${text.slice(0, -tail.length)}${mappedGroups(tail)}` : text;
  const [head = '', rest] = plain.split('::');
  const groups = (half: string): number[] =>
    half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16));
  const left = groups(head);
  const right = rest === undefined ? [] : groups(rest);
  const words = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}

function mappedGroups(ipv4: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

/** Reads `address/bits`. @throws Error in Docker's words */
export function parsePrefix(text: string): Prefix {
  const match = /^(.+)\/(\d{1,3})$/.exec(text);
  const address = match?.[1] ?? '';
  const bits = Number(match?.[2]);
  const limit = isIpv4(address) ? 32 : 128;
  if ((!isIpv4(address) && !isIpv6(address)) || bits > limit) {
    throw new Error(`invalid subnet ${text}: invalid CIDR block notation`);
  }
  return { address: parseAddressBytes(address), bits };
}

/** Tells whether an address of the same family lies in a block. */
export function prefixContains(prefix: Prefix, address: Uint8Array): boolean {
  if (prefix.address.length !== address.length) return false;
  return address.every((byte, at) => {
    const kept = Math.min(8, Math.max(0, prefix.bits - at * 8));
    const mask = (0xff << (8 - kept)) & 0xff;
    return (byte & mask) === ((prefix.address[at] ?? 0) & mask);
  });
}
