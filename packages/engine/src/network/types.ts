import type { Act } from '@gantry/native';
import type { EndpointConfig, PortBinding } from '../containers/types.ts';

export type IpamPool = {
  readonly subnet: string;
  readonly ipRange: string;
  readonly gateway: string;
  readonly auxAddresses: Readonly<Record<string, string>>;
};

export type NetworkRecord = {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly createdAt: Date;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly enableIpv4: boolean;
  readonly enableIpv6: boolean;
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
    readonly pools: readonly IpamPool[];
  };
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
};

export type NetworkCreateRequest = Omit<NetworkRecord, 'id' | 'createdAt'>;

/** One attachment, as inspect shows it. Addresses are empty while the container does not run. */
export type EndpointRecord = {
  readonly networkId: string;
  readonly networkName: string;
  readonly endpointId: string;
  readonly containerId: string;
  readonly config: EndpointConfig;
  readonly macAddress: string;
  readonly ipv4Address: string;
  readonly ipv4PrefixLength: number;
  readonly gateway: string;
  readonly ipv6Address: string;
  readonly ipv6PrefixLength: number;
  readonly ipv6Gateway: string;
  readonly dnsNames: readonly string[];
};

/** A published port in force: host side → container side. */
export type PublishedPort = {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly containerPort: number;
  readonly hostIp: string;
  readonly hostPort: number;
};

export type JoinRequest = {
  readonly containerId: string;
  readonly containerName: string;
  readonly hostname: string;
  readonly domainname: string;
  readonly networkMode: string;
  readonly exposedPorts: readonly string[];
  readonly portBindings: Readonly<Record<string, readonly PortBinding[]>>;
  readonly publishAllPorts: boolean;
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly extraHosts: readonly string[];
};

/**
 * What a start needs of the network: the acts that wire the container's namespace from inside its own plan, and the
 * contents of the three files. Made without touching the kernel's links; only the ports are taken at this moment.
 */
export type Joined = {
  /** `own`: a namespace of its own, wired by the acts; `host`; `path`: another container's (host path of its ns file). */
  readonly namespace:
    | { readonly kind: 'own' }
    | { readonly kind: 'host' }
    | { readonly kind: 'path'; readonly path: string };
  /** Registers 200–231 are the network's. Parent acts run before clone. */
  readonly parentActs: readonly Act[];
  readonly childActs: readonly Act[];
  readonly hostsFile: string;
  readonly resolvConf: string;
  readonly endpoints: readonly EndpointRecord[];
  readonly ports: readonly PublishedPort[];
  /** True when 127.0.0.11 must answer inside: `serveDns` is called between `created` and `start`. */
  readonly needsDns: boolean;
};

/**
 * The network room. One life: `attach` at creation (one row per network), `join` at each start, `serveDns` once the
 * namespace exists, `leave` at each exit, `detachAll` at removal. `reconcile` at boot.
 */
export type NetworkRoom = {
  create(request: NetworkCreateRequest): NetworkRecord;
  remove(nameOrId: string): void;
  /** By name, ID or unique prefix. @throws not-found `network x not found` */
  get(nameOrId: string): NetworkRecord;
  list(): readonly NetworkRecord[];
  prune(match: (network: NetworkRecord) => boolean): readonly string[];
  /** Decides whether `remove` may, and changes nothing. @returns what it would remove @throws what it throws */
  planRemoval(ref: string): NetworkRecord;
  /** What `prune` would remove once the containers `dropped` are gone. Nothing is changed. */
  planPrune(match: (network: NetworkRecord) => boolean, dropped: readonly string[]): readonly string[];
  endpointsOfNetwork(networkId: string): readonly EndpointRecord[];
  endpointsOfContainer(containerId: string): readonly EndpointRecord[];
  /** The same for many at once, by container. */
  endpointsOfContainers(containerIds: readonly string[]): ReadonlyMap<string, readonly EndpointRecord[]>;
  portsOfContainer(containerId: string): readonly PublishedPort[];

  /** Rows for a new container: its network mode's network, then the named ones. Inside the caller's transaction. */
  attach(
    container: { id: string; name: string; networkMode: string },
    endpoints: Readonly<Record<string, EndpointConfig>>,
  ): void;
  detachAll(containerId: string): void;
  join(request: JoinRequest): Promise<Joined>;
  serveDns(containerId: string, pid: number): Promise<void>;
  leave(containerId: string): void;
  renamed(containerId: string, name: string): void;

  /** Live `network connect` and `disconnect`; `pid` undefined when the container does not run. */
  connect(
    network: string,
    container: { id: string; name: string; pid: number | undefined },
    config: EndpointConfig,
  ): Promise<void>;
  disconnect(
    network: string,
    container: { id: string; name: string; pid: number | undefined },
    force: boolean,
  ): Promise<void>;

  /** Bridges, nftables base, DNS and ports of what runs; sweeps links, rules and rows of what does not. */
  reconcile(running: readonly { id: string; pid: number }[]): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};
