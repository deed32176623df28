import { isIpAddress } from './addresses.ts';
import { cutPair } from './csv.ts';

export type PortBinding = { readonly hostIp: string; readonly hostPort: string };

/** What `--publish` and `--expose` together ask for. */
export type PortRequest = {
  /** `80/tcp` → where the host listens. */
  readonly bindings: Readonly<Record<string, readonly PortBinding[]>>;
  readonly exposed: readonly string[];
};

type PortRange = { readonly first: number; readonly last: number };
type PortSpec = { readonly port: string; readonly binding: PortBinding };

/**
 * Reads `--publish` (`[[ip:]hostPort:]port[/proto]` with ranges, or `published=…,target=…`) and `--expose`.
 *
 * @throws Error in Docker's words
 */
export function parsePorts(published: readonly string[], exposed: readonly string[]): PortRequest {
  const specs = published.flatMap((text) => parsePublish(text.includes('=') ? standardNotation(text) : text));
  const bindings: Record<string, PortBinding[]> = {};
  for (const { port, binding } of specs) {
    const list = bindings[port] ?? [];
    list.push(binding);
    bindings[port] = list;
  }
  return {
    bindings,
    exposed: [...new Set([...Object.keys(bindings), ...exposed.flatMap((text) => parseExpose(text))])],
  };
}

function standardNotation(text: string): string {
  const given: Record<string, string> = { protocol: 'tcp', published: '', target: '' };
  for (const part of text.split(',')) {
    const [key, value] = cutPair(part);
    if (value === undefined || key === '') {
      throw new Error(`invalid publish opts format (should be name=value but got '${part}')`);
    }
    given[key] = value;
  }
  return `${given.published}:${given.target}/${given.protocol}`;
}

function parsePublish(text: string): PortSpec[] {
  const [address, protocol = ''] = splitProtocol(text);
  const parts = address.split(':');
  const container = parts.at(-1) ?? '';
  const hostPort = parts.at(-2) ?? '';
  const hostIp = parseHostIp(parts.slice(0, -2).join(':'));
  if (container === '') throw new Error(`no port specified: ${address}<empty>`);
  const inner = parsePortRange(container, `invalid containerPort: ${container}`);
  const outer = hostPort === '' ? undefined : parsePortRange(hostPort, `invalid hostPort: ${hostPort}`);
  const count = inner.last - inner.first + 1;
  if (outer !== undefined && outer.last - outer.first + 1 !== count && count !== 1) {
    throw new Error(`invalid ranges specified for container and host Ports: ${container} and ${hostPort}`);
  }
  checkProtocol(protocol);
  return Array.from({ length: count }, (_, at) => ({
    port: `${inner.first + at}/${protocol.toLowerCase()}`,
    binding: { hostIp, hostPort: hostPortText(outer, { at, isSingle: count === 1 }) },
  }));
}

/** A range of host ports for one container port is left to the engine, which takes a free one of it. */
function hostPortText(range: PortRange | undefined, { at, isSingle }: { at: number; isSingle: boolean }): string {
  if (range === undefined) return '';
  if (isSingle && range.first !== range.last) return `${range.first}-${range.last}`;
  return String(range.first + at);
}

function parseHostIp(text: string): string {
  const address = text.replace(/^\[(.*)\]$/, '$1');
  if (address !== '' && !isIpAddress(address)) throw new Error(`invalid IP address: ${address}`);
  return address;
}

function splitProtocol(text: string): readonly [string, string] {
  const [port, protocol] = cutPair(text, '/');
  return [port, protocol === undefined || protocol === '' ? 'tcp' : protocol];
}

function checkProtocol(protocol: string): void {
  if (!['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase())) throw new Error(`invalid proto: ${protocol}`);
}

function parsePortRange(text: string, complaint: string): PortRange {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first > 65_535 || last > 65_535 || last < first) throw new Error(complaint);
  return { first, last };
}

function parseExpose(text: string): string[] {
  if (text.includes(':')) throw new Error(`invalid port format for --expose: ${text}`);
  const [range, protocol] = splitProtocol(text);
  const odd = range.split('-').find((port) => !/^\d+$/.test(port));
  const why =
    odd === undefined
      ? `invalid range specified for port: ${range}`
      : `strconv.ParseUint: parsing ${JSON.stringify(odd)}: invalid syntax`;
  const { first, last } = parsePortRange(range, `invalid range format for --expose: ${text}, error: ${why}`);
  return Array.from({ length: last - first + 1 }, (_, at) => `${first + at}/${protocol.toLowerCase()}`);
}
