import { EngineError } from '@gantry/base';
import { defaultDomain } from '@gantry/oci';

/** Where a registry's API is, and how far it must be trusted. */
export type Endpoint = {
  /** `registry-1.docker.io`, `localhost:5000`. */
  readonly host: string;
  /** Plain HTTP and unverified certificates are allowed: loopback, or configured so. */
  readonly allowsInsecure: boolean;
};

/**
 * Finds the endpoint of a reference's domain. Docker Hub's API lives on another host than its name.
 *
 * SAFETY: only loopback is insecure by itself: nobody else can stand in between.
 *
 * @param insecure hosts (`host:port`) or networks (`10.0.0.0/8`) that the operator configured
 */
export function endpointOf(domain: string, insecure: readonly string[]): Endpoint {
  if (domain === defaultDomain) return { host: 'registry-1.docker.io', allowsInsecure: false };
  const name = hostNameOf(domain);
  const configured = insecure.some((entry) => entry === domain || entry === name || containsAddress(entry, name));
  return { host: domain, allowsInsecure: configured || isLoopback(name) };
}

/**
 * Finds the endpoint of a mirror that the operator configured. Naming it with `http:` says that it may be insecure.
 *
 * @throws invalid
 */
export function mirrorEndpoint(mirror: string, insecure: readonly string[]): Endpoint {
  const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '') {
    throw new EngineError('invalid', `invalid mirror: "${mirror}" must be a URL such as https://mirror.example`);
  }
  const { host, allowsInsecure } = endpointOf(url.host, insecure);
  return { host, allowsInsecure: allowsInsecure || url.protocol === 'http:' };
}

function hostNameOf(domain: string): string {
  return domain.startsWith('[') ? domain.slice(1, domain.indexOf(']')) : (domain.split(':', 1)[0] ?? '');
}

/** Tells whether a host name can only mean this machine. */
export function isLoopback(name: string): boolean {
  if (name === 'localhost' || name === '::1') return true;
  const address = parseIpv4(name);
  return address !== undefined && address >>> 24 === 127;
}

function containsAddress(network: string, name: string): boolean {
  const [base = '', bits = ''] = network.split('/');
  const baseAddress = parseIpv4(base);
  const address = parseIpv4(name);
  if (baseAddress === undefined || address === undefined || !/^[0-9]{1,2}$/.test(bits) || Number(bits) > 32)
    return false;
  const mask = Number(bits) === 0 ? 0 : (-1 << (32 - Number(bits))) >>> 0;
  return (address & mask) >>> 0 === (baseAddress & mask) >>> 0;
}

function parseIpv4(text: string): number | undefined {
  if (!/^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$/.test(text)) return undefined;
  const parts = text.split('.').map(Number);
  return parts.some((part) => part > 255) ? undefined : parts.reduce((sum, part) => sum * 256 + part, 0);
}
