import { readdirSync, readFileSync } from 'node:fs';
import type { NetworkContext } from './context.ts';
import { readSysctl, writeSysctl } from './host-links.ts';

const ipv4Forwarding = '/proc/sys/net/ipv4/ip_forward';
const ipv6Conf = '/proc/sys/net/ipv6/conf';

/**
 * Lets the host forward packets for containers, as Docker does.
 *
 * SAFETY: turning this on would make the host a router for its neighbours as well. When it was off before us, the links
 * of that moment are remembered, and a rule drops what would go from one of them to another.
 *
 * @returns the links that packets may not be forwarded between
 */
export function enableForwarding(context: NetworkContext): readonly string[] {
  if ([...context.networks.values()].some(({ enableIpv6 }) => enableIpv6)) enableIpv6Forwarding();
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const stored = parseUplinks(context.store.fact('uplinks'));
  if (readSysctl(ipv4Forwarding) === '1') return stored?.boot === boot ? stored.links : [];
  const virtual = new Set(['bridge', 'veth', 'dummy', 'ifb']);
  const links = context.links.links().filter(({ kind, loopback }) => !loopback && !virtual.has(kind));
  const names = links.map(({ name }) => name);
  context.store.setFact('uplinks', JSON.stringify({ boot, links: names }));
  writeSysctl(ipv4Forwarding, '1');
  return names;
}

type Uplinks = { readonly boot: string; readonly links: readonly string[] };

function parseUplinks(text: string | undefined): Uplinks | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as Uplinks);
}

/**
 * Forwarding makes a host deaf to router advertisements, which may be where its own default route comes from; those
 * links that listened are told to go on.
 */
export function enableIpv6Forwarding(): void {
  if (readSysctl(`${ipv6Conf}/all/forwarding`) !== '0') return;
  for (const link of readdirSync(ipv6Conf)) {
    if (link === 'all' || link === 'default') continue;
    if (readSysctl(`${ipv6Conf}/${link}/accept_ra`) === '1') writeSysctl(`${ipv6Conf}/${link}/accept_ra`, '2');
  }
  writeSysctl(`${ipv6Conf}/all/forwarding`, '1');
}
