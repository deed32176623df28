import type { PortSummaryWire } from '@gantry/api';

/**
 * A container's ports in a row, `0.0.0.0:8080->80/tcp, 443/tcp`: neighbours are joined into ranges, mappings to another
 * port come last.
 */
export function formatPorts(ports: readonly PortSummaryWire[]): string {
  const mapped: string[] = [];
  const finished: string[] = [];
  const open = new Map<string, { first: number; last: number }>();
  for (const port of [...ports].sort(comparePorts)) {
    const ip = port.IP ?? '';
    if (ip !== '' && port.PublicPort !== port.PrivatePort) {
      mapped.push(`${hostPort(ip, String(port.PublicPort))}->${port.PrivatePort}/${port.Type}`);
      continue;
    }
    const key = `${ip}/${port.Type}`;
    const range = open.get(key);
    if (range !== undefined && port.PrivatePort === range.last + 1) {
      range.last = port.PrivatePort;
      continue;
    }
    if (range !== undefined) finished.push(formatRange(key, range));
    open.set(key, { first: port.PrivatePort, last: port.PrivatePort });
  }
  return [...finished, ...[...open].map(([key, range]) => formatRange(key, range)), ...mapped].join(', ');
}

/** An address and a port as people write them, `[::]:80`. */
export function hostPort(ip: string, port: string): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function formatRange(key: string, { first, last }: { first: number; last: number }): string {
  const [ip = '', type = ''] = key.split('/');
  const ports = first === last ? String(first) : `${first}-${last}`;
  return `${ip === '' ? '' : `${hostPort(ip, ports)}->`}${ports}/${type}`;
}

function comparePorts(left: PortSummaryWire, right: PortSummaryWire): number {
  if (left.PrivatePort !== right.PrivatePort) return left.PrivatePort - right.PrivatePort;
  if (left.IP !== right.IP) return (left.IP ?? '') < (right.IP ?? '') ? -1 : 1;
  if (left.PublicPort !== right.PublicPort) return (left.PublicPort ?? 0) - (right.PublicPort ?? 0);
  return left.Type < right.Type ? -1 : 1;
}
