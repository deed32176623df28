import { EngineError } from '@gantry/base';
import { formatIp, parseIp } from '@gantry/net';
import type { JoinRequest, PublishedPort } from './types.ts';

/** A port to publish, as asked for: a range of host ports to choose from; 0-0 lets the kernel choose. */
export type WantedPort = {
  readonly protocol: PublishedPort['protocol'];
  readonly containerPort: number;
  /** Canonical text; empty: every address of the host, of both families. */
  readonly hostIp: string;
  readonly first: number;
  readonly last: number;
};

/**
 * The ports that a start publishes: its bindings, and with `publishAllPorts` every exposed port without one.
 *
 * @throws invalid
 */
export function wantedPorts(
  request: Pick<JoinRequest, 'portBindings' | 'exposedPorts' | 'publishAllPorts'>,
): readonly WantedPort[] {
  const wanted: WantedPort[] = [];
  for (const [port, bindings] of Object.entries(request.portBindings))
    for (const binding of bindings) {
      const range = parseHostPorts(binding.hostPort);
      wanted.push({ ...parseContainerPort(port), hostIp: parseHostIp(binding.hostIp), ...range });
    }
  if (request.publishAllPorts)
    for (const port of request.exposedPorts) {
      if ((request.portBindings[port] ?? []).length > 0) continue;
      wanted.push({ ...parseContainerPort(port), hostIp: '', first: 0, last: 0 });
    }
  // Fixed ports first, so that a chosen one never takes a number that another binding names.
  return wanted.sort((a, b) => Number(a.last === 0) - Number(b.last === 0) || a.containerPort - b.containerPort);
}

function parseContainerPort(text: string): Pick<WantedPort, 'protocol' | 'containerPort'> {
  const [, digits = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  const containerPort = Number(digits);
  if (digits === '' || containerPort > 65535 || containerPort === 0)
    throw new EngineError('invalid', `invalid port specification: "${text}"`);
  return { protocol: protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp', containerPort };
}

function parseHostPorts(text: string): { first: number; last: number } {
  if (text === '') return { first: 0, last: 0 };
  const [, from = '', to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const first = Number(from);
  const last = Number(to);
  if (from === '' || last > 65535 || first > last)
    throw new EngineError('invalid', `invalid port specification: "${text}"`);
  return { first, last };
}

function parseHostIp(text: string): string {
  if (text === '') return '';
  const ip = parseIp(text.replace(/^\[(.*)\]$/, '$1'));
  if (ip === undefined) throw new EngineError('invalid', `invalid IP address: ${text}`);
  return formatIp(ip);
}
