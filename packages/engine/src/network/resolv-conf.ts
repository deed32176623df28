import { isLoopback, parseIp } from '@gantry/net';

/** A resolv.conf, of the host or to be. */
export type ResolvConf = {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
};

/** Reads resolv.conf(5): the last `search` or `domain` holds, options add up, what is unknown is left out. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  let search: string[] = [];
  const options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword = '', ...words] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && words[0] !== undefined) nameservers.push(words[0]);
    else if (keyword === 'search' || keyword === 'domain') search = words;
    else if (keyword === 'options') options.push(...words);
  }
  return { nameservers, search, options };
}

/** An upstream server of the embedded DNS. */
export type Upstream = {
  readonly address: string;
  /** Where the query is sent from: a loopback server given with --dns is one of the container's own. */
  readonly from: 'host' | 'container';
};

export type DnsRequest = {
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
};

// Docker's last resort when the host names no server that a container could reach.
const fallback: readonly string[] = ['8.8.8.8', '8.8.4.4'];
export const embeddedServer = '127.0.0.11';

const withoutZone = (server: string): string => server.replace(/%.*$/, '');
const isLocal = (server: string): boolean => {
  const ip = parseIp(withoutZone(server));
  return ip !== undefined && isLoopback(ip);
};

/** What a container's own settings make of the host's file. `--dns-search .` means none. */
export function mergeDns(host: ResolvConf, request: DnsRequest): ResolvConf {
  return {
    nameservers: request.dns.length > 0 ? request.dns : host.nameservers,
    search: request.dnsSearch.length > 0 ? request.dnsSearch.filter((domain) => domain !== '.') : host.search,
    options: request.dnsOptions.length > 0 ? request.dnsOptions : host.options,
  };
}

/**
 * The file of a container without embedded DNS: the host's, without the servers on the host's own loopback, which
 * nobody else can reach.
 */
export function plainResolvConf(host: ResolvConf, request: DnsRequest): string {
  const merged = mergeDns(host, request);
  const reachable = request.dns.length > 0 ? request.dns : merged.nameservers.filter((server) => !isLocal(server));
  return format({ ...merged, nameservers: reachable.length > 0 ? reachable : fallback }, []);
}

/** The file of a container that shares the host's network: the host's own servers, loopback ones too. */
export function hostResolvConf(host: ResolvConf, request: DnsRequest): string {
  return format(mergeDns(host, request), []);
}

/** The file of a container on a user-defined network, and the servers that the embedded DNS asks for it. */
export function embeddedResolvConf(
  host: ResolvConf,
  request: DnsRequest,
): { readonly text: string; readonly upstreams: readonly Upstream[] } {
  const merged = mergeDns(host, request);
  const given = request.dns.length > 0;
  const upstreams = merged.nameservers
    .filter((server) => parseIp(withoutZone(server)) !== undefined && server !== embeddedServer)
    .map((server): Upstream => ({ address: server, from: given && isLocal(server) ? 'container' : 'host' }));
  const usable = upstreams.length > 0 ? upstreams : fallback.map((address): Upstream => ({ address, from: 'host' }));
  const hasDots = merged.options.some((option) => /^ndots:\d+$/.test(option));
  const options = hasDots ? merged.options : [...merged.options, 'ndots:0'];
  const notes = [`# Servers asked by ${embeddedServer}: [${usable.map(({ address }) => address).join(' ')}]`];
  return { text: format({ ...merged, nameservers: [embeddedServer], options }, notes), upstreams: usable };
}

function format(conf: ResolvConf, notes: readonly string[]): string {
  const lines = ['# Written by Gantry when the container started; changes in here are lost at its next start.', ''];
  for (const server of conf.nameservers) lines.push(`nameserver ${server}`);
  if (conf.search.length > 0) lines.push(`search ${conf.search.join(' ')}`);
  if (conf.options.length > 0) lines.push(`options ${conf.options.join(' ')}`);
  if (notes.length > 0) lines.push('', ...notes);
  return `${lines.join('\n')}\n`;
}
