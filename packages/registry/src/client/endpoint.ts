import { EngineError } from '@gantry/base';
import { defaultDomain } from '@gantry/oci';
import { type Certificates, readCertificates } from './certificates.ts';
import type { Proxies } from './proxy.ts';

/** How registries are reached, as the operator of this machine configured it. */
export type Registries = {
  /** Hosts (`host:port`) and networks where plain HTTP and unknown certificates are allowed, besides loopback. */
  readonly insecure: readonly string[];
  /** URLs, asked in this order before Docker Hub. */
  readonly mirrors: readonly string[];
  /** Directories with a directory a host: `hosts.toml`, `*.crt`, `*.cert` and `*.key`. Of two, the first that has one. */
  readonly configDirs: readonly string[];
  readonly proxies: Proxies;
};

/** Ours, and Docker's, so that a machine that moves over keeps its registries. */
export const usualConfigDirs: readonly string[] = ['/etc/gantry/certs.d', '/etc/docker/certs.d'];

/** What a host may be asked: a tag's digest, bytes by digest, or to take something. */
export type Capability = 'resolve' | 'pull' | 'push';

/** Where a registry's API is, and how far it must be trusted. */
export type Endpoint = {
  /** `registry-1.docker.io`, `localhost:5000`. */
  readonly host: string;
  /** `either`: https where it is spoken, else http; only for hosts that may be insecure. */
  readonly scheme: 'https' | 'http' | 'either';
  /** A certificate that nobody vouches for is taken. */
  readonly skipVerify: boolean;
  /** What the paths of the API begin with; `/v2` unless a mirror's URL says otherwise. */
  readonly basePath: string;
  /** Sent with every request to this host, and to no other. */
  readonly headers: Readonly<Record<string, string>>;
  readonly certificates: Certificates | undefined;
  readonly capabilities: readonly Capability[];
  /** It is the registry that the reference names: only this one gets the user's credentials. */
  readonly isOwn: boolean;
  /** The registry that a mirror stands for, which it is told as `ns`; undefined: it is not told. */
  readonly namespace: string | undefined;
  /** Who cannot be connected to within this time is not waited for; undefined: as long as for an answer. */
  readonly dialTimeoutMs: number | undefined;
};

export const everything: readonly Capability[] = ['resolve', 'pull', 'push'];

/**
 * Finds the endpoint of a reference's domain. Docker Hub's API lives on another host than its name.
 *
 * SAFETY: only loopback is insecure by itself: nobody else can stand in between. Docker differs: a loopback registry
 * with certificates of its own is spoken to over TLS, verified, since whoever put them there wants that.
 */
export function endpointOf(domain: string, { insecure, configDirs }: Registries): Endpoint {
  const host = domain === defaultDomain ? 'registry-1.docker.io' : domain;
  const name = hostNameOf(domain);
  const certificates = readCertificates(configDirs, domain);
  const isConfigured = isListed(domain, insecure);
  const mayBeInsecure = isConfigured || (isLoopback(name) && certificates === undefined);
  const isInsecure = mayBeInsecure && domain !== defaultDomain;
  return {
    host,
    scheme: isInsecure ? 'either' : 'https',
    skipVerify: isInsecure,
    basePath: '/v2',
    headers: {},
    certificates,
    capabilities: everything,
    isOwn: true,
    namespace: undefined,
    dialTimeoutMs: undefined,
  };
}

/**
 * Finds the endpoint of a mirror that the operator configured. Naming it with `http:` says that it may be insecure.
 *
 * @throws invalid
 */
export function mirrorEndpoint(mirror: string, registries: Registries): Endpoint {
  const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '') {
    throw new EngineError('invalid', `invalid mirror: "${mirror}" must be a URL such as https://mirror.example`);
  }
  const endpoint = endpointOf(url.host, registries);
  return {
    ...endpoint,
    ...(url.protocol === 'http:' && { scheme: 'either', skipVerify: true }),
    capabilities: ['resolve', 'pull'],
    isOwn: false,
  };
}

/** Tells whether a registry is among hosts, with or without a port, and networks. */
export function isListed(domain: string, entries: readonly string[]): boolean {
  const name = hostNameOf(domain);
  return entries.some((entry) => entry === domain || entry === name || containsAddress(entry, name));
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

/** Tells whether an address is of a network `10.0.0.0/8`; anything that is neither is not. */
export function containsAddress(network: string, name: string): boolean {
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
