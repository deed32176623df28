import { EngineError } from '@gantry/base';
import {
  bind,
  close,
  inetAddress,
  isSystemError,
  listen,
  setSocketOption,
  socket,
  socketFamily,
  socketName,
  socketType,
} from '@gantry/native';
import { type IpAddress, ipToBytes, parseIp } from '@gantry/net';
import { openRelay, type Relay } from './relay.ts';
import type { PublishedPort } from './types.ts';

type Protocol = PublishedPort['protocol'];

/** What is held for one published port: its number cannot be taken by another program while this is open. */
type Hold = { readonly release: () => void };

/** A host address and port to hold. `target` is given when the daemon itself must carry the traffic. */
export type PortAddress = {
  readonly protocol: Protocol;
  /** `0.0.0.0`, `::` or an address. */
  readonly hostIp: string;
  /** 0: the kernel chooses. */
  readonly hostPort: number;
  readonly relayTo: { readonly address: string; readonly port: number } | undefined;
};

const isWildcard = (ip: string): boolean => ip === '0.0.0.0' || ip === '::';
const familyOf = (ip: string): 4 | 6 => (ip.includes(':') ? 6 : 4);

/**
 * Who holds which host port. A port is held by really binding it, so that other programs cannot take it and taken ones
 * are noticed; packets never reach these sockets, since they are translated before.
 */
export class PortTable implements Disposable {
  readonly #holds = new Map<string, { owner: string; hold: Hold }>();

  /**
   * Takes a host port for a container.
   *
   * @returns the port: the one asked for, or the kernel's choice
   * @throws EngineError with Docker's words when this engine or another program has it
   */
  take(owner: string, address: PortAddress): number {
    this.#refuseOverlap(address);
    const { port, hold } = openHold(address);
    this.#holds.set(`${address.protocol} ${port} ${address.hostIp}`, { owner, hold });
    return port;
  }

  /** Gives one port back: a range goes on to its next number. */
  drop({ protocol, hostIp, hostPort }: Pick<PortAddress, 'protocol' | 'hostIp' | 'hostPort'>): void {
    const key = `${protocol} ${hostPort} ${hostIp}`;
    this.#holds.get(key)?.hold.release();
    this.#holds.delete(key);
  }

  /** Gives back everything a container holds. */
  release(owner: string): void {
    for (const [key, entry] of this.#holds) {
      if (entry.owner !== owner) continue;
      entry.hold.release();
      this.#holds.delete(key);
    }
  }

  [Symbol.dispose](): void {
    for (const { hold } of this.#holds.values()) hold.release();
    this.#holds.clear();
  }

  #refuseOverlap({ protocol, hostIp, hostPort }: PortAddress): void {
    if (hostPort === 0) return;
    for (const key of this.#holds.keys()) {
      const [heldProtocol, heldPort, heldIp = ''] = key.split(' ');
      if (heldProtocol !== protocol || Number(heldPort) !== hostPort || familyOf(heldIp) !== familyOf(hostIp)) continue;
      if (heldIp === hostIp || isWildcard(heldIp) || isWildcard(hostIp))
        throw new PortTakenError(`Bind for ${hostIp}:${hostPort} failed: port is already allocated`);
    }
  }
}

/** A host port that cannot be had: the reason a range goes on to its next number. */
export class PortTakenError extends EngineError {
  constructor(message: string) {
    super('internal', message);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
};

function openHold(address: PortAddress): { port: number; hold: Hold } {
  const { protocol, hostIp, hostPort } = address;
  try {
    if (address.relayTo !== undefined) {
      const relay: Relay = openRelay({ address: hostIp, port: hostPort }, address.relayTo);
      return { port: relay.port, hold: { release: relay.close } };
    }
    return bindSocket(protocol, hostIp, hostPort);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const reason = reasons[code];
    if (reason === undefined) throw error;
    const shown = familyOf(hostIp) === 6 ? `[${hostIp}]` : hostIp;
    throw new PortTakenError(`failed to bind host port ${shown}:${hostPort}/${protocol}: ${reason}`);
  }
}

const sctp = 132;
const ipv6Only = { level: 41, name: 26 };
const reuseAddress = { level: 1, name: 2 };

function bindSocket(protocol: Protocol, hostIp: string, hostPort: number): { port: number; hold: Hold } {
  const ip = parseIp(hostIp) ?? { family: 4 as const, value: 0n };
  const fd = openSocket(protocol, ip);
  if (fd === undefined) return { port: hostPort, hold: { release: () => undefined } };
  try {
    if (ip.family === 6) setSocketOption(fd, ipv6Only, 1);
    // A server that ended a moment ago leaves connections in TIME_WAIT, which must not keep its port from us; another
    // listener still does.
    if (protocol === 'tcp') setSocketOption(fd, reuseAddress, 1);
    bind(fd, inetAddress(ipToBytes(ip), hostPort));
    if (protocol !== 'udp') listen(fd, 1);
    return { port: boundPort(fd), hold: { release: () => close(fd) } };
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** undefined: a kernel without SCTP has no ports of it that another program could take. */
function openSocket(protocol: Protocol, ip: IpAddress): number | undefined {
  const family = ip.family === 4 ? socketFamily.inet : socketFamily.inet6;
  try {
    if (protocol === 'udp') return socket(family, socketType.datagram);
    return socket(family, socketType.stream, protocol === 'sctp' ? { protocol: sctp } : {});
  } catch (error) {
    if (protocol === 'sctp' && isSystemError(error, 'EPROTONOSUPPORT', 'ESOCKTNOSUPPORT')) return undefined;
    throw error;
  }
}

function boundPort(fd: number): number {
  const name = socketName(fd);
  return new DataView(name.buffer, name.byteOffset, name.byteLength).getUint16(2, false);
}
