import { formatIp, type IpAddress, parseIp } from '../address/ip.ts';

/** Reads `2.0.17.172.in-addr.arpa` or its IPv6 sister; undefined for any other name. */
export function parseReverseName(name: string): IpAddress | undefined {
  const v4 = /^((?:\d{1,3}\.){4})in-addr\.arpa$/.exec(name)?.[1];
  if (v4 !== undefined) return parseIp(v4.split('.').slice(0, 4).reverse().join('.'));
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name)?.[1];
  if (v6 === undefined) return undefined;
  const digits = v6.split('.').slice(0, 32).reverse().join('');
  return { family: 6, value: BigInt(`0x${digits}`) };
}

/** The name under which an address is looked up backwards. */
export function formatReverseName(ip: IpAddress): string {
  if (ip.family === 4) return `${formatIp(ip).split('.').reverse().join('.')}.in-addr.arpa`;
  const digits = ip.value.toString(16).padStart(32, '0');
  return `${digits.split('').reverse().join('.')}.ip6.arpa`;
}
