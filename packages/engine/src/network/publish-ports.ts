import { EngineError } from '@gantry/base';
import { type IpAddress, isLoopback, parseIp } from '@gantry/net';
import type { GatewayMode } from './bridge-options.ts';
import type { NetworkContext } from './context.ts';
import type { WantedPort } from './parse-ports.ts';
import { type PortAddress, PortTakenError } from './port-table.ts';
import type { PortRule } from './ruleset.ts';
import type { ServedPort } from './store.ts';

/** The container's side of a family: where its ports are, and how they are to be reached. */
export type PortTarget = { readonly address: string; readonly mode: GatewayMode };

export type PublishRequest = {
  readonly containerId: string;
  readonly wanted: readonly WantedPort[];
  readonly ipv4: PortTarget | undefined;
  readonly ipv6: PortTarget | undefined;
  /** Where ports without a host address go; empty: everywhere. */
  readonly hostBinding: string;
};

const protocolNumber = { tcp: 6, udp: 17, sctp: 132 } as const;
const wildcard = { 4: '0.0.0.0', 6: '::' } as const;
const maxAttempts = 16;

/**
 * Takes the host ports of a container; rules are not made yet. What was taken before a failure is still held under the
 * container's name: the caller releases it.
 *
 * @throws PortTakenError, with the part of Docker's text after the endpoint's ID
 */
export function publishPorts(context: NetworkContext, request: PublishRequest): ServedPort[] {
  return request.wanted.flatMap((port) => publishOne(context, request, port));
}

/** How one host address serves one port. */
type Way = { readonly hostIp: string; readonly target: PortTarget; readonly relayed: boolean };

function publishOne(context: NetworkContext, request: PublishRequest, port: WantedPort): ServedPort[] {
  const ways = waysOf(context, request, port);
  const [routed] = ways.filter(({ target }) => target.mode === 'routed');
  const opened = routed === undefined ? [] : [served(request, port, { ...routed, hostPort: 0 })];
  const translated = ways.filter(({ target }) => target.mode !== 'routed');
  if (translated.length === 0) return opened;
  const hostPort = takeNumber(context, request, { port, ways: translated });
  return [...opened, ...translated.map((way) => served(request, port, { ...way, hostPort }))];
}

function waysOf(context: NetworkContext, request: PublishRequest, port: WantedPort): Way[] {
  const hostIp = port.hostIp === '' ? request.hostBinding : port.hostIp;
  const asked = hostIp !== '';
  const addresses = asked ? [hostIp] : context.kernelHasIpv6 ? [wildcard[4], wildcard[6]] : [wildcard[4]];
  return addresses.flatMap((address): Way[] => {
    const ip = parseIp(address);
    if (ip === undefined) throw new EngineError('invalid', `invalid IP address: ${address}`);
    const same = ip.family === 4 ? request.ipv4 : request.ipv6;
    // ::1 never leaves the loopback device, so no rule can lead it to a container.
    if (same !== undefined && !(ip.family === 6 && isLoopback(ip)))
      return [{ hostIp: address, target: same, relayed: false }];
    const target = same ?? request.ipv4 ?? request.ipv6;
    if (target !== undefined && port.protocol === 'tcp') return [{ hostIp: address, target, relayed: true }];
    // Docker's proxy would carry UDP between the families too; here it is not published there, unless asked for.
    if (asked)
      throw new EngineError(
        'unsupported',
        `cannot publish port ${port.containerPort}/${port.protocol} on ${address}: the container has no address of that family`,
      );
    return [];
  });
}

type Numbering = { readonly port: WantedPort; readonly ways: readonly Way[] };

/** One number for all host addresses: the first of the range that is free on each of them. */
function takeNumber(context: NetworkContext, request: PublishRequest, numbering: Numbering): number {
  const { first, last } = numbering.port;
  const chosenByKernel = last === 0;
  const attempts = chosenByKernel ? maxAttempts : last - first + 1;
  for (let attempt = 0; ; attempt++) {
    try {
      return takeOnAll(context, request, { ...numbering, number: chosenByKernel ? 0 : first + attempt });
    } catch (error) {
      if (!(error instanceof PortTakenError)) throw error;
      if (attempt + 1 < attempts) continue;
      throw first === last && !chosenByKernel ? error : new PortTakenError('all ports are allocated');
    }
  }
}

function takeOnAll(
  context: NetworkContext,
  request: PublishRequest,
  { port, ways, number }: Numbering & { readonly number: number },
): number {
  using taken = new DisposableStack();
  let hostPort = number;
  for (const { hostIp, target, relayed } of ways) {
    const way = { ...port, hostIp, target: target.address, relayed };
    const address: PortAddress = { protocol: port.protocol, hostIp, hostPort, relayTo: relayTarget(way) };
    hostPort = context.ports.take(request.containerId, address);
    const held = { ...address, hostPort };
    taken.defer(() => context.ports.drop(held));
  }
  taken.move();
  return hostPort;
}

/**
 * Where the daemon itself carries connections to, if it does: between the families, and from ::1, which no rule can
 * translate, so that whoever listens on `::` for the sake of the number must also answer.
 */
export function relayTarget(
  port: Pick<ServedPort, 'protocol' | 'hostIp' | 'containerPort' | 'target' | 'relayed'>,
): PortAddress['relayTo'] {
  const answersLoopback = port.protocol === 'tcp' && port.hostIp === wildcard[6];
  return port.relayed || answersLoopback ? { address: port.target, port: port.containerPort } : undefined;
}

function served(request: PublishRequest, port: WantedPort, way: Way & { readonly hostPort: number }): ServedPort {
  return {
    containerId: request.containerId,
    protocol: port.protocol,
    containerPort: port.containerPort,
    hostIp: way.hostIp,
    hostPort: way.hostPort,
    target: way.target.address,
    relayed: way.relayed,
    routed: way.target.mode === 'routed',
  };
}

/** The rules that serve ports; relayed ones need none. */
export function portRules(ports: readonly ServedPort[]): PortRule[] {
  return ports.flatMap((port): PortRule[] => {
    const containerIp = parseIp(port.target);
    const hostIp = parseIp(port.hostIp);
    if (port.relayed || containerIp === undefined || hostIp === undefined) return [];
    return [
      {
        protocol: protocolNumber[port.protocol],
        hostIp: isUnspecified(hostIp) ? undefined : hostIp,
        hostPort: port.hostPort,
        containerIp,
        containerPort: port.containerPort,
        routed: port.routed,
      },
    ];
  });
}

const isUnspecified = (ip: IpAddress): boolean => ip.value === 0n;
