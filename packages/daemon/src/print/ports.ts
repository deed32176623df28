import type { PortMapWire, PortSummaryWire } from '@gantry/api';
import type { PublishedPort } from '@gantry/engine';

/** Ports that a running container shows: the published ones, and those that are only exposed. */
type ShownPorts = { readonly exposed: readonly string[]; readonly published: readonly PublishedPort[] };

function specOf(port: PublishedPort): string {
  return `${port.containerPort}/${port.protocol}`;
}

/** `Ports` of inspect: an exposed port without a binding is `null`. */
export function printPortMap({ exposed, published }: ShownPorts): PortMapWire {
  const specs = [...new Set([...exposed, ...published.map(specOf)])].sort(bySpec);
  return Object.fromEntries(specs.map((spec) => [spec, bindingsOf(spec, published)]));
}

function bindingsOf(spec: string, published: readonly PublishedPort[]): { HostIp: string; HostPort: string }[] | null {
  const bindings = published
    .filter((port) => specOf(port) === spec)
    .map((port) => ({ HostIp: port.hostIp, HostPort: String(port.hostPort) }));
  return bindings.length === 0 ? null : bindings;
}

/** `Ports` of a list row. */
export function printPortList({ exposed, published }: ShownPorts): readonly PortSummaryWire[] {
  const taken = new Set(published.map(specOf));
  const open = exposed
    .filter((spec) => !taken.has(spec))
    .sort(bySpec)
    .map(splitSpec);
  const bound = [...published].sort((left, right) => bySpec(specOf(left), specOf(right)));
  return [
    ...open.map(({ port, protocol }) => ({ PrivatePort: port, Type: protocol })),
    ...bound.map((port) => ({
      IP: port.hostIp,
      PrivatePort: port.containerPort,
      PublicPort: port.hostPort,
      Type: port.protocol,
    })),
  ];
}

function splitSpec(spec: string): { port: number; protocol: string } {
  const [port = '0', protocol = 'tcp'] = spec.split('/');
  return { port: Number(port), protocol };
}

function bySpec(left: string, right: string): number {
  const one = splitSpec(left);
  const other = splitSpec(right);
  return one.port - other.port || one.protocol.localeCompare(other.protocol);
}
