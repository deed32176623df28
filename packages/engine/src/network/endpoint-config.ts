import { EngineError, shortId } from '@gantry/base';
import { cidrContains, parseCidr, parseIp, parseMac } from '@gantry/net';
import type { EndpointConfig } from '../containers/types.ts';
import { isPredefined } from './find-network.ts';
import { option } from './option-names.ts';
import type { NetworkRecord } from './types.ts';

export const emptyEndpointConfig: EndpointConfig = {
  ipv4Address: '',
  ipv6Address: '',
  linkLocalIps: [],
  links: [],
  aliases: [],
  macAddress: '',
  driverOpts: {},
  gwPriority: 0,
};

/** Checks what is asked of an attachment. @throws invalid with every fault, one a line, as Docker lists them */
export function checkEndpointConfig(network: NetworkRecord, config: EndpointConfig): void {
  const faults: string[] = [];
  const isStatic = config.ipv4Address !== '' || config.ipv6Address !== '';
  if (isPredefined(network.name)) {
    if (isStatic) faults.push('user-specified IP address is supported on user-defined networks only');
    if (config.aliases.length > 0) faults.push('network-scoped aliases are only supported for user-defined networks');
  }
  faults.push(...addressFaults(network, config.ipv4Address, 4));
  faults.push(...addressFaults(network, config.ipv6Address, 6));
  if (config.macAddress !== '' && parseMac(config.macAddress) === undefined)
    faults.push(`invalid MAC address: ${config.macAddress}`);
  for (const sysctl of sysctlTexts(config)) {
    if (sysctlPattern.test(sysctl)) continue;
    faults.push(
      `unrecognised network interface sysctl '${sysctl}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'`,
    );
  }
  const name = config.driverOpts[option.endpointInterface] ?? '';
  if (name !== '' && !/^[A-Za-z][A-Za-z0-9_.-]{0,14}$/.test(name)) faults.push(`invalid interface name: ${name}`);
  if (faults.length > 0) throw new EngineError('invalid', `invalid endpoint settings:\n${faults.join('\n')}`);
}

function addressFaults(network: NetworkRecord, text: string, family: 4 | 6): string[] {
  if (text === '') return [];
  const ip = parseIp(text);
  if (ip === undefined || ip.family !== family || ip.value === 0n) return [`invalid IPv${family} address: ${text}`];
  const inside = network.ipam.pools.some((pool) => {
    const subnet = parseCidr(pool.subnet);
    return subnet !== undefined && cidrContains(subnet, ip);
  });
  return inside ? [] : [`no configured subnet contains IP address ${text}`];
}

// SAFETY: the names become a path below /proc/sys, so each part is letters, digits and underscores and nothing else.
const sysctlPattern = /^net\.(ipv4|ipv6|mpls)\.([a-z]+)\.(?:IFNAME|ifname)\.([a-z0-9_]+)=([^\n]*)$/;

function sysctlTexts(config: EndpointConfig): string[] {
  const text = config.driverOpts[option.endpointSysctls] ?? '';
  return text === '' ? [] : text.split(',');
}

/** The sysctls of an endpoint as paths below /proc/sys. */
export function endpointSysctls(config: EndpointConfig, interfaceName: string): Record<string, string> {
  const sysctls: Record<string, string> = {};
  for (const text of sysctlTexts(config)) {
    const [, family, kind, key, value = ''] = sysctlPattern.exec(text) ?? [];
    if (family !== undefined) sysctls[`net/${family}/${kind}/${interfaceName}/${key}`] = value;
  }
  return sysctls;
}

/**
 * The names a container is found by on a user-defined network, the one for reverse lookups first. On the default
 * bridge nobody is found by name.
 */
export function dnsNamesOf(
  network: NetworkRecord,
  container: {
    readonly id: string;
    readonly name: string;
    readonly hostname: string;
    readonly aliases: readonly string[];
  },
): string[] {
  if (isPredefined(network.name)) return [];
  const names = [container.name, ...container.aliases, shortId(container.id), container.hostname];
  return [...new Set(names.filter((name) => name !== ''))];
}
