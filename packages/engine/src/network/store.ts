import type { EndpointConfig } from '../containers/types.ts';
import type { Db } from '../db/index.ts';
import { networkSchema } from './schema.ts';
import type { JoinRequest, NetworkRecord, PublishedPort } from './types.ts';

/** One attachment as its row has it. Addresses are canonical text, empty while the container is not joined. */
export type Endpoint = {
  readonly containerId: string;
  readonly containerName: string;
  readonly networkId: string;
  readonly position: number;
  readonly config: EndpointConfig;
  readonly endpointId: string;
  readonly interface: string;
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly dnsNames: readonly string[];
};

/** A published port with what serves it. */
export type ServedPort = PublishedPort & {
  readonly containerId: string;
  readonly target: string;
  readonly relayed: boolean;
  readonly routed: boolean;
};

type NetworkRow = {
  id: string;
  name: string;
  driver: string;
  created: number;
  internal: number;
  attachable: number;
  ipv4: number;
  ipv6: number;
  ipam: string;
  options: string;
  labels: string;
};
type EndpointRow = {
  container_id: string;
  network_id: string;
  container_name: string;
  position: number;
  config: string;
  endpoint_id: string;
  interface: string;
  mac: string;
  ipv4: string;
  ipv6: string;
  dns_names: string;
};
type PortRow = {
  container_id: string;
  protocol: 'tcp' | 'udp' | 'sctp';
  container_port: number;
  host_ip: string;
  host_port: number;
  target: string;
  relayed: number;
  routed: number;
};

/** The rows of this room. Reading them is SQL and nothing else; callers group writes with `db.tx`. */
export type NetworkStore = ReturnType<typeof openNetworkStore>;

export function openNetworkStore(db: Db) {
  db.define(networkSchema);
  return { ...networkRows(db), ...endpointRows(db), ...portRows(db), ...joinedRows(db), ...factRows(db) };
}

function networkRows(db: Db) {
  const all = db.prepare<NetworkRow>('SELECT * FROM network ORDER BY created, name');
  const insert = db.prepare('INSERT INTO network VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const update = db.prepare('UPDATE network SET ipam = ?, options = ? WHERE id = ?');
  const drop = db.prepare('DELETE FROM network WHERE id = ?');
  return {
    networks: (): NetworkRecord[] => all.all().map(networkFrom),
    insertNetwork(network: NetworkRecord): void {
      insert.run(
        network.id,
        network.name,
        network.driver,
        network.createdAt.getTime(),
        Number(network.internal),
        Number(network.attachable),
        Number(network.enableIpv4),
        Number(network.enableIpv6),
        JSON.stringify(network.ipam),
        JSON.stringify(network.options),
        JSON.stringify(network.labels),
      );
    },
    /** Takes in pools and options: only the engine itself changes those, at boot. */
    updateNetwork: ({ id, ipam, options }: NetworkRecord): void => {
      update.run(JSON.stringify(ipam), JSON.stringify(options), id);
    },
    deleteNetwork: (id: string): void => {
      drop.run(id);
    },
  };
}

function networkFrom(row: NetworkRow): NetworkRecord {
  return {
    id: row.id,
    name: row.name,
    driver: row.driver,
    createdAt: new Date(row.created),
    internal: row.internal === 1,
    attachable: row.attachable === 1,
    enableIpv4: row.ipv4 === 1,
    enableIpv6: row.ipv6 === 1,
    ipam: JSON.parse(row.ipam) as NetworkRecord['ipam'],
    options: JSON.parse(row.options) as NetworkRecord['options'],
    labels: JSON.parse(row.labels) as NetworkRecord['labels'],
  };
}

function endpointRows(db: Db) {
  const ofNetwork = db.prepare<EndpointRow>('SELECT * FROM endpoint WHERE network_id = ? ORDER BY container_name');
  const ofContainer = db.prepare<EndpointRow>(
    'SELECT * FROM endpoint WHERE container_id = ? ORDER BY position, network_id',
  );
  const ofContainers = db.prepare<EndpointRow>(
    'SELECT * FROM endpoint WHERE container_id IN (SELECT value FROM json_each(?)) ORDER BY position, network_id',
  );
  const joined = db.prepare<EndpointRow>("SELECT * FROM endpoint WHERE endpoint_id <> ''");
  const byName = db.prepare<EndpointRow>('SELECT * FROM endpoint WHERE container_name = ? AND network_id = ?');
  const insert = db.prepare(
    "INSERT INTO endpoint VALUES (?, ?, ?, ?, ?, '', '', '', '', '', '[]') ON CONFLICT DO UPDATE SET config = excluded.config",
  );
  const update = db.prepare(
    'UPDATE endpoint SET endpoint_id = ?, interface = ?, mac = ?, ipv4 = ?, ipv6 = ?, dns_names = ? WHERE container_id = ? AND network_id = ?',
  );
  const clear = db.prepare(
    "UPDATE endpoint SET endpoint_id = '', interface = '', mac = '', ipv4 = '', ipv6 = '' WHERE container_id = ? AND endpoint_id <> ''",
  );
  const rename = db.prepare('UPDATE endpoint SET container_name = ? WHERE container_id = ?');
  const setNames = db.prepare('UPDATE endpoint SET dns_names = ? WHERE container_id = ? AND network_id = ?');
  const dropOne = db.prepare('DELETE FROM endpoint WHERE container_id = ? AND network_id = ?');
  const dropAll = db.prepare('DELETE FROM endpoint WHERE container_id = ?');
  /** What was read of containers since their rows were last written: a start and its end ask again and again. */
  const known = new Map<string, readonly Endpoint[]>();
  const changed = (containerId: string): void => {
    known.delete(containerId);
    db.afterRollback(() => known.delete(containerId));
  };
  return {
    endpointsOfNetwork: (id: string): Endpoint[] => ofNetwork.all(id).map(endpointFrom),
    endpointsOfContainer: (id: string): readonly Endpoint[] => {
      const rows = known.get(id) ?? ofContainer.all(id).map(endpointFrom);
      // Not of containers that are gone, which nobody would forget again.
      if (rows.length > 0) known.set(id, rows);
      return rows;
    },
    endpointsOfContainers: (ids: readonly string[]): Endpoint[] =>
      ofContainers.all(JSON.stringify(ids)).map(endpointFrom),
    joinedEndpoints: (): Endpoint[] => joined.all().map(endpointFrom),
    endpointByName: (name: string, networkId: string): Endpoint | undefined => {
      const row = byName.get(name, networkId);
      return row === null ? undefined : endpointFrom(row);
    },
    insertEndpoint(e: Pick<Endpoint, 'containerId' | 'networkId' | 'containerName' | 'position' | 'config'>): void {
      changed(e.containerId);
      insert.run(e.containerId, e.networkId, e.containerName, e.position, JSON.stringify(e.config));
    },
    updateEndpoint(e: Endpoint): void {
      changed(e.containerId);
      const names = JSON.stringify(e.dnsNames);
      update.run(e.endpointId, e.interface, e.mac, e.ipv4, e.ipv6, names, e.containerId, e.networkId);
    },
    clearEndpoints: (containerId: string): void => {
      changed(containerId);
      clear.run(containerId);
    },
    renameEndpoints: (containerId: string, name: string): void => {
      changed(containerId);
      rename.run(name, containerId);
    },
    setDnsNames: (e: Endpoint, names: readonly string[]): void => {
      changed(e.containerId);
      setNames.run(JSON.stringify(names), e.containerId, e.networkId);
    },
    deleteEndpoint: (containerId: string, networkId: string): void => {
      changed(containerId);
      dropOne.run(containerId, networkId);
    },
    deleteEndpoints: (containerId: string): void => {
      changed(containerId);
      dropAll.run(containerId);
    },
  };
}

function endpointFrom(row: EndpointRow): Endpoint {
  return {
    containerId: row.container_id,
    containerName: row.container_name,
    networkId: row.network_id,
    position: row.position,
    config: JSON.parse(row.config) as EndpointConfig,
    endpointId: row.endpoint_id,
    interface: row.interface,
    mac: row.mac,
    ipv4: row.ipv4,
    ipv6: row.ipv6,
    dnsNames: JSON.parse(row.dns_names) as string[],
  };
}

function portRows(db: Db) {
  const all = db.prepare<PortRow>('SELECT * FROM published_port');
  const order = 'ORDER BY container_port, protocol, host_port, host_ip';
  const ofContainer = db.prepare<PortRow>(`SELECT * FROM published_port WHERE container_id = ? ${order}`);
  const insert = db.prepare('INSERT INTO published_port VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  const drop = db.prepare('DELETE FROM published_port WHERE container_id = ?');
  return {
    ports: (): ServedPort[] => all.all().map(portFrom),
    portsOfContainer: (id: string): ServedPort[] => ofContainer.all(id).map(portFrom),
    insertPort(p: ServedPort): void {
      const columns = [p.containerId, p.protocol, p.containerPort, p.hostIp, p.hostPort, p.target];
      insert.run(...columns, Number(p.relayed), Number(p.routed));
    },
    deletePorts: (containerId: string): void => {
      drop.run(containerId);
    },
  };
}

function portFrom(row: PortRow): ServedPort {
  return {
    containerId: row.container_id,
    protocol: row.protocol,
    containerPort: row.container_port,
    hostIp: row.host_ip,
    hostPort: row.host_port,
    target: row.target,
    relayed: row.relayed === 1,
    routed: row.routed === 1,
  };
}

function joinedRows(db: Db) {
  const all = db.prepare<{ container_id: string; request: string }>('SELECT * FROM joined');
  const one = db.prepare<{ request: string }>('SELECT request FROM joined WHERE container_id = ?');
  const put = db.prepare('INSERT OR REPLACE INTO joined VALUES (?, ?)');
  const drop = db.prepare('DELETE FROM joined WHERE container_id = ?');
  return {
    joinedContainers: (): string[] => all.all().map((row) => row.container_id),
    joinRequest: (containerId: string): JoinRequest | undefined => {
      const row = one.get(containerId);
      return row === null ? undefined : (JSON.parse(row.request) as JoinRequest);
    },
    putJoined: (request: JoinRequest): void => {
      put.run(request.containerId, JSON.stringify(request));
    },
    deleteJoined: (containerId: string): void => {
      drop.run(containerId);
    },
  };
}

function factRows(db: Db) {
  const one = db.prepare<{ value: string }>('SELECT value FROM network_fact WHERE name = ?');
  const put = db.prepare('INSERT OR REPLACE INTO network_fact VALUES (?, ?)');
  return {
    fact: (name: string): string | undefined => one.get(name)?.value,
    setFact: (name: string, value: string): void => {
      put.run(name, value);
    },
  };
}
