import { endpointConfig, type ValueOf } from '@gantry/api';
import { flagList, flagText, type ParsedFlags } from '@gantry/base';
import { isIpAddress, isMacAddress } from './addresses.ts';
import { cutPair, splitCsv } from './csv.ts';

export type EndpointRequest = ValueOf<typeof endpointConfig>;

export type NetworkRequest = {
  /** What HostConfig calls the network: the first that was named, else `default`. */
  readonly mode: string;
  readonly endpoints: Readonly<Record<string, EndpointRequest>>;
};

type Attachment = { readonly target: string; readonly endpoint: EndpointRequest };
type Draft = { -readonly [K in keyof EndpointRequest]: EndpointRequest[K] };

/** A network that a user made, as against the modes that are always there. */
export function isUserDefined(mode: string): boolean {
  return !['default', 'bridge', 'host', 'none'].includes(mode) && !mode.startsWith('container:');
}

/**
 * Reads one `--network`, a name or `name=…,alias=…,ip=…`.
 *
 * @throws Error in Docker's words
 */
export function parseNetwork(text: string): Attachment {
  if (!/\w+=\w+(,\w+=\w+)*/.test(text)) return { target: text, endpoint: endpointConfig.zero };
  let target = '';
  const draft: Draft = { ...endpointConfig.zero };
  for (const field of splitCsv(text)) {
    const [writtenKey, writtenValue] = cutPair(field.toLowerCase());
    if (writtenValue === undefined || writtenKey === '') throw new Error(`invalid field ${field}`);
    const key = writtenKey.trim();
    const value = writtenValue.trim();
    if (key === 'name') target = value;
    else setField(draft, key, value);
  }
  if (target === '') throw new Error('network name/id is not specified');
  return { target, endpoint: draft };
}

function setField(draft: Draft, key: string, value: string): void {
  switch (key) {
    case 'alias':
      draft.aliases = [...draft.aliases, value];
      return;
    case 'ip':
      draft.ipv4Address = parseAddress(value);
      return;
    case 'ip6':
      draft.ipv6Address = parseAddress(value);
      return;
    case 'mac-address':
      draft.macAddress = value;
      return;
    case 'link-local-ip':
      draft.linkLocalIps = [...draft.linkLocalIps, parseAddress(value)];
      return;
    case 'driver-opt':
      draft.driverOpts = { ...draft.driverOpts, ...parseDriverOption(value) };
      return;
    case 'gw-priority':
      if (!/^[+-]?\d+$/.test(value)) throw new Error(`invalid gw-priority (${value}): invalid syntax`);
      draft.gwPriority = Number(value);
      return;
    default:
      throw new Error(`invalid field key ${key}`);
  }
}

function parseAddress(text: string): string {
  if (!isIpAddress(text)) throw new Error(`ParseAddr(${JSON.stringify(text)}): unable to parse IP`);
  return text;
}

function parseDriverOption(text: string): Record<string, string> {
  const [key, value] = cutPair(text);
  if (value === undefined || key === '') throw new Error('invalid key value pair format in driver options');
  return { [key.trim()]: value.trim() };
}

/** Joins every `--network` with the flags that describe the first of them. @throws Error in Docker's words */
export function parseNetworks(flags: ParsedFlags): NetworkRequest {
  const given = [...flagList(flags, 'network'), ...flagList(flags, 'net')].map((text) => parseNetwork(text));
  const [first = { target: 'default', endpoint: endpointConfig.zero }, ...others] = given;
  const all = [{ ...first, endpoint: withContainerFlags(first, flags) }, ...others];
  const endpoints: Record<string, EndpointRequest> = {};
  for (const attachment of all) {
    checkAttachment(attachment);
    if (endpoints[attachment.target] !== undefined) {
      throw new Error(`network "${attachment.target}" is specified multiple times`);
    }
    endpoints[attachment.target] = attachment.endpoint;
  }
  const userDefined = all.filter(({ target }) => isUserDefined(target)).length;
  if (userDefined > 0 && userDefined < all.length) {
    throw new Error('conflicting options: cannot attach both user-defined and non-user-defined network-modes');
  }
  // A single network about which nothing is said is left to the mode alone.
  const isPlain = all.length === 1 && JSON.stringify(all[0]?.endpoint) === JSON.stringify(endpointConfig.zero);
  return { mode: first.target, endpoints: isPlain ? {} : endpoints };
}

/** The flags from before `--network` could say more than a name; they describe the first network. */
function withContainerFlags({ target, endpoint }: Attachment, flags: ParsedFlags): EndpointRequest {
  const links = isUserDefined(target) ? flagList(flags, 'link') : [];
  const own: EndpointRequest = {
    ...endpointConfig.zero,
    aliases: [...flagList(flags, 'network-alias'), ...flagList(flags, 'net-alias')],
    links,
    ipv4Address: flagText(flags, 'ip') ?? '',
    ipv6Address: flagText(flags, 'ip6') ?? '',
    macAddress: flagText(flags, 'mac-address') ?? '',
    linkLocalIps: flagList(flags, 'link-local-ip'),
  };
  const merged = { ...endpoint };
  const rivals = [
    ['aliases', '--network-alias and per-network alias'],
    ['links', '--link and per-network links'],
    ['ipv4Address', '--ip and per-network IPv4 address'],
    ['ipv6Address', '--ip6 and per-network IPv6 address'],
    ['macAddress', '--mac-address and per-network MAC address'],
    ['linkLocalIps', '--link-local-ip and per-network link-local IP addresses'],
  ] as const;
  for (const [field, both] of rivals) {
    if (own[field].length === 0) continue;
    if (endpoint[field].length > 0) throw new Error(`conflicting options: cannot specify both ${both}`);
    Object.assign(merged, { [field]: own[field] });
  }
  return merged;
}

function checkAttachment({ target, endpoint }: Attachment): void {
  if (target.trim() === '') throw new Error('no name set for network');
  if (!isUserDefined(target) && endpoint.aliases.length > 0) {
    throw new Error('network-scoped aliases are only supported for user-defined networks');
  }
  if (!isUserDefined(target) && endpoint.links.length > 0) {
    throw new Error('links are only supported for user-defined networks');
  }
  if (endpoint.macAddress !== '' && !isMacAddress(endpoint.macAddress.trim())) {
    throw new Error(`${endpoint.macAddress} is not a valid mac address`);
  }
}
