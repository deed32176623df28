import type { Db } from '../db/index.ts';
import type { EventSink } from '../events/types.ts';
import type { AddressBook } from './address-book.ts';
import type { DnsClient } from './dns-client.ts';
import type { Firewall } from './firewall.ts';
import type { HostLinks } from './host-links.ts';
import type { PortTable } from './port-table.ts';
import type { NetworkStore } from './store.ts';
import type { NetworkRecord } from './types.ts';

/** What the room is made with. */
export type NetworkDeps = {
  readonly db: Db;
  readonly events: EventSink;
  /** Tells this engine from others on the host: names its packet rules and marks its links. */
  readonly instance: string;
  /** The link of the network `bridge`: `docker0` at Docker's. At most 15 characters. */
  readonly bridgeName: string;
  /** Options of the network `bridge` that differ from Docker's defaults: what --icc, --ip-masq, --mtu and --ip say. */
  readonly bridgeOptions?: Readonly<Record<string, string>>;
  /** Address and subnet of that link (`--bip`); empty: chosen where nobody else is. */
  readonly bip: string;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
  /** Process whose network namespace is the container's; undefined when it does not run. */
  readonly pidOf: (containerId: string) => number | undefined;
  /** Finds a container by name or ID for `container:<ref>`. @throws not-found */
  readonly resolveContainer: (ref: string) => { readonly id: string; readonly name: string };
  /** The files that a running container sees as its own, so that live connections can be written into them. */
  readonly filesOf: (containerId: string) => { readonly hosts: string; readonly resolvConf: string };
  /** Servers that `host-gateway` stands for; empty: the address of the network `bridge`. */
  readonly hostGateways?: readonly string[];
  /** Subnets that networks without one are cut from; absent: Docker's pools. */
  readonly defaultPools?: readonly { readonly base: string; readonly size: number }[];
  /** Files of the host that containers' own are made from. */
  readonly hostFiles?: { readonly resolvConf: string; readonly hosts: string };
  /** A warning for the log: something works less well than it could. */
  readonly warn?: (message: string) => void;
};

/** What the verbs of this room share: the rows, and one hand on each thing of the kernel's. */
export type NetworkContext = {
  readonly deps: NetworkDeps;
  readonly store: NetworkStore;
  readonly links: HostLinks;
  readonly firewall: Firewall;
  readonly ports: PortTable;
  readonly addresses: AddressBook;
  readonly dns: DnsClient;
  /** All networks by ID: rows change seldom and are read at every start. */
  readonly networks: Map<string, NetworkRecord>;
  /** Index of each bridge network's link. */
  readonly bridges: Map<string, number>;
  /** What the names of this engine's host links start with. */
  readonly linkPrefix: string;
  readonly kernelHasIpv6: boolean;
  /** Frames between ports of a bridge pass the packet rules too (net.bridge.bridge-nf-call-iptables). */
  readonly bridgesFilterIp: boolean;
};
