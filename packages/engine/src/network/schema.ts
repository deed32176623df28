/** Tables of the network room. Addresses are empty text while a container does not run. */
export const networkSchema = `
CREATE TABLE IF NOT EXISTS network (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  driver     TEXT NOT NULL,
  created    INTEGER NOT NULL,            -- Unix milliseconds
  internal   INTEGER NOT NULL,
  attachable INTEGER NOT NULL,
  ipv4       INTEGER NOT NULL,
  ipv6       INTEGER NOT NULL,
  ipam       TEXT NOT NULL,               -- JSON, as NetworkRecord['ipam']
  options    TEXT NOT NULL,               -- JSON object of text
  labels     TEXT NOT NULL                -- JSON object of text
) STRICT;

CREATE TABLE IF NOT EXISTS endpoint (
  container_id   TEXT NOT NULL,
  network_id     TEXT NOT NULL,           -- may name a network that was removed meanwhile
  container_name TEXT NOT NULL,
  position       INTEGER NOT NULL,        -- 0: the network of the container's network mode
  config         TEXT NOT NULL,           -- JSON, as EndpointConfig
  endpoint_id    TEXT NOT NULL,           -- made anew by every start; empty: not joined
  interface      TEXT NOT NULL,           -- its name inside: eth0
  mac            TEXT NOT NULL,
  ipv4           TEXT NOT NULL,
  ipv6           TEXT NOT NULL,
  dns_names      TEXT NOT NULL,           -- JSON list of text
  PRIMARY KEY (container_id, network_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS endpoint_network ON endpoint (network_id);
CREATE UNIQUE INDEX IF NOT EXISTS endpoint_ipv4 ON endpoint (network_id, ipv4) WHERE ipv4 <> '';
CREATE UNIQUE INDEX IF NOT EXISTS endpoint_ipv6 ON endpoint (network_id, ipv6) WHERE ipv6 <> '';

CREATE TABLE IF NOT EXISTS published_port (
  container_id   TEXT NOT NULL,
  protocol       TEXT NOT NULL CHECK (protocol IN ('tcp', 'udp', 'sctp')),
  container_port INTEGER NOT NULL,
  host_ip        TEXT NOT NULL,
  host_port      INTEGER NOT NULL,
  target         TEXT NOT NULL,           -- the container's address
  relayed        INTEGER NOT NULL,        -- 1: by the daemon, since the families differ
  routed         INTEGER NOT NULL,        -- 1: opened, not translated
  PRIMARY KEY (protocol, host_ip, host_port, container_id, container_port)
) STRICT;
CREATE INDEX IF NOT EXISTS published_port_container ON published_port (container_id);

-- Containers that have joined and not left, with what the next daemon needs to go on serving them.
CREATE TABLE IF NOT EXISTS joined (
  container_id TEXT PRIMARY KEY,
  request      TEXT NOT NULL              -- JSON, as JoinRequest
) STRICT, WITHOUT ROWID;

-- Facts of this engine that must outlive a daemon: 'ula-seed', 'uplinks'.
CREATE TABLE IF NOT EXISTS network_fact (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;
`;
