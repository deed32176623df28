import { type IpAddress, ipToBytes } from './ip.ts';

/** Parses `02:42:ac:11:00:02` (colons or dashes) into six bytes; undefined when the text is no unicast MAC address. */
export function parseMac(text: string): Uint8Array | undefined {
  const match = /^([0-9a-f]{2})([:-][0-9a-f]{2}){5}$/i.test(text) ? text.split(/[:-]/) : undefined;
  if (match === undefined) return undefined;
  const bytes = Uint8Array.from(match, (part) => Number.parseInt(part, 16));
  return ((bytes[0] ?? 0) & 1) === 0 ? bytes : undefined;
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/**
 * A locally administered MAC address made from an IP address. A container that gets a used address back gets its MAC
 * back too, so no neighbour's cache is ever wrong about it.
 */
export function macOfIp(ip: IpAddress): Uint8Array {
  return Uint8Array.of(0x02, 0x42, ...ipToBytes(ip).subarray(-4));
}
