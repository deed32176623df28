import { type IpAddress, parseIp } from '@gantry/net';

/** One endpoint's entry: the names it is found by on its network. The first one is what its address is called. */
export type NameEntry = {
  readonly networkId: string;
  readonly networkName: string;
  readonly containerId: string;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
};

/** Which networks a container asks on, and names that are its alone (links): alias → container name. */
export type Viewer = { readonly networkIds: readonly string[]; readonly links: Readonly<Record<string, string>> };

type Network = { name: string; byContainer: Map<string, NameEntry>; byName: Map<string, Set<NameEntry>> };

/** Names of running containers, network by network: what the embedded DNS answers from. */
export class NameTable {
  readonly #networks = new Map<string, Network>();

  put(entry: NameEntry): void {
    this.drop(entry.networkId, entry.containerId);
    const network = this.#network(entry.networkId);
    network.name = entry.networkName.toLowerCase();
    network.byContainer.set(entry.containerId, entry);
    for (const name of entry.names) {
      const key = name.toLowerCase();
      const entries = network.byName.get(key);
      if (entries === undefined) network.byName.set(key, new Set([entry]));
      else entries.add(entry);
    }
  }

  drop(networkId: string, containerId: string): void {
    const network = this.#networks.get(networkId);
    const entry = network?.byContainer.get(containerId);
    if (network === undefined || entry === undefined) return;
    network.byContainer.delete(containerId);
    for (const name of entry.names) {
      const entries = network.byName.get(name.toLowerCase());
      entries?.delete(entry);
      if (entries?.size === 0) network.byName.delete(name.toLowerCase());
    }
    if (network.byContainer.size === 0) this.#networks.delete(networkId);
  }

  /**
   * Addresses of a name as a container sees it: `web`, `web.network`, or one of its links. Names are compared in lower
   * case.
   *
   * @returns undefined when nobody has the name, so that it may be asked for elsewhere
   */
  resolve(viewer: Viewer, name: string): IpAddress[] | undefined {
    const linked = viewer.links[name];
    const wanted = linked === undefined ? name : linked.toLowerCase();
    for (const id of viewer.networkIds) {
      const network = this.#networks.get(id);
      if (network === undefined) continue;
      const suffix = `.${network.name}`;
      const entries =
        network.byName.get(wanted) ??
        (wanted.endsWith(suffix) ? network.byName.get(wanted.slice(0, -suffix.length)) : undefined);
      if (entries !== undefined)
        return [...entries].flatMap(({ addresses }) => addresses.flatMap((a) => parseIp(a) ?? []));
    }
    return undefined;
  }

  /** `name.network` of the container that has an address on one of the viewer's networks. */
  nameOf(viewer: Viewer, address: string): string | undefined {
    for (const id of viewer.networkIds) {
      const network = this.#networks.get(id);
      for (const entry of network?.byContainer.values() ?? [])
        if (entry.addresses.includes(address)) return `${entry.names[0] ?? entry.containerId}.${entry.networkName}`;
    }
    return undefined;
  }

  #network(id: string): Network {
    const network = this.#networks.get(id) ?? { name: '', byContainer: new Map(), byName: new Map() };
    this.#networks.set(id, network);
    return network;
  }
}
