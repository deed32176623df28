import { EngineError } from '@gantry/base';
import type { Db } from '../db/index.ts';
import { generateName, nameConflict } from './names.ts';
import { type ContainerRow, parseRecord, recordColumns, statusColumns } from './store-rows.ts';
import type { ContainerRecord, ContainerStatus, HostConfig, MountPoint } from './types.ts';

const schema = `
CREATE TABLE IF NOT EXISTS container (
  id              TEXT PRIMARY KEY,
  name            TEXT NOT NULL UNIQUE,       -- without the slash
  created         INTEGER NOT NULL,           -- Unix milliseconds
  image_id        TEXT NOT NULL,
  chain_id        TEXT NOT NULL,
  platform        TEXT NOT NULL,
  config          TEXT NOT NULL,              -- JSON ContainerConfig
  host_config     TEXT NOT NULL,              -- JSON HostConfig
  mount_points    TEXT NOT NULL,              -- JSON MountPoint[]
  command         TEXT NOT NULL,              -- JSON string[]
  restart_count   INTEGER NOT NULL,
  stopped_by_user INTEGER NOT NULL,
  status          TEXT NOT NULL CHECK (status IN ('created', 'running', 'restarting', 'removing', 'exited', 'dead')),
  pid             INTEGER,                    -- running
  paused          INTEGER,                    -- running
  exit_code       INTEGER,                    -- restarting, exited, created when a start failed
  oom_killed      INTEGER,                    -- exited
  error           TEXT,                       -- exited, created when a start failed
  started         INTEGER,                    -- Unix milliseconds; running, restarting, exited
  finished        INTEGER                     -- Unix milliseconds; restarting, exited
) STRICT;
`;

/**
 * The rows of all containers. One life: `insert` at creation, `set…` while it lives, `delete` at removal.
 *
 * Every write joins the caller's transaction. Reads are answered from parsed records in memory, which stay true when
 * that transaction is rolled back.
 */
export type ContainerStore = {
  /** @throws conflict with Docker's text when the name is taken */
  insert(record: ContainerRecord): void;
  /** By full ID. @throws not-found */
  get(id: string): ContainerRecord;
  find(id: string): ContainerRecord | undefined;
  /** By full ID, exact name (with or without slash) or unique ID prefix, in this order. @throws not-found, invalid with Docker's texts */
  resolve(ref: string): ContainerRecord;
  findByName(name: string): ContainerRecord | undefined;
  /** Newest first. The array is shared: do not keep it across a write. */
  list(): readonly ContainerRecord[];
  /** @returns the record as it is now, here and in every other setter */
  setStatus(id: string, status: ContainerStatus): ContainerRecord;
  setStoppedByUser(id: string, stoppedByUser: boolean): ContainerRecord;
  setRestartCount(id: string, restartCount: number): ContainerRecord;
  setHostConfig(id: string, hostConfig: HostConfig): ContainerRecord;
  setMountPoints(id: string, mountPoints: readonly MountPoint[]): ContainerRecord;
  /** @throws conflict with Docker's text when the name is taken by another container */
  rename(id: string, name: string): ContainerRecord;
  /** Nothing happens when it is gone already. */
  delete(id: string): void;
  /** A made-up name that no container has. */
  freeName(random: () => number): string;
};

type Mirror = {
  readonly byId: Map<string, ContainerRecord>;
  readonly idByName: Map<string, string>;
  newestFirst: readonly ContainerRecord[] | undefined;
};

/** Opens the table of containers, making it when the database is new. */
export function openContainerStore(db: Db): ContainerStore {
  db.define(schema);
  const sql = prepareStatements(db);
  let mirror: Mirror | undefined;

  const current = (): Mirror => {
    mirror ??= loadMirror(sql.all.all());
    return mirror;
  };
  const forgetMirror = (): void => {
    mirror = undefined;
  };
  /** Runs one write and lays its result over the mirror, inside the caller's transaction or one of its own. */
  const write = (change: () => void, lay: (into: Mirror) => void): void => {
    db.tx(() => {
      const into = current();
      db.afterRollback(forgetMirror);
      change();
      into.newestFirst = undefined;
      lay(into);
    });
  };
  const get = (id: string): ContainerRecord => current().byId.get(id) ?? throwMissing(id);
  const replace = (id: string, patch: Partial<ContainerRecord>, change: () => void): ContainerRecord => {
    const next = { ...get(id), ...patch };
    write(change, (into) => into.byId.set(id, next));
    return next;
  };
  const findByName = (name: string): ContainerRecord | undefined => {
    const { byId, idByName } = current();
    return byId.get(idByName.get(name.startsWith('/') ? name.slice(1) : name) ?? '');
  };
  const refuseTakenName = (name: string, ownId: string): void => {
    const holder = findByName(name);
    if (holder !== undefined && holder.id !== ownId) throw nameConflict(name, holder.id);
  };

  return {
    get,
    find: (id) => current().byId.get(id),
    findByName,
    resolve: (ref) => current().byId.get(ref) ?? findByName(ref) ?? byPrefix(current().byId, ref),
    list: () => {
      const now = current();
      now.newestFirst ??= [...now.byId.values()].sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
      return now.newestFirst;
    },
    insert: (record) => {
      refuseTakenName(record.name, record.id);
      write(
        () => sql.insert.run(...recordColumns(record)),
        (into) => {
          into.byId.set(record.id, record);
          into.idByName.set(record.name, record.id);
        },
      );
    },
    setStatus: (id, status) => replace(id, { status }, () => sql.status.run(...statusColumns(status), id)),
    setStoppedByUser: (id, stoppedByUser) =>
      replace(id, { stoppedByUser }, () => sql.stoppedByUser.run(stoppedByUser ? 1 : 0, id)),
    setRestartCount: (id, restartCount) => replace(id, { restartCount }, () => sql.restartCount.run(restartCount, id)),
    setHostConfig: (id, hostConfig) =>
      replace(id, { hostConfig }, () => sql.hostConfig.run(JSON.stringify(hostConfig), id)),
    setMountPoints: (id, mountPoints) =>
      replace(id, { mountPoints }, () => sql.mountPoints.run(JSON.stringify(mountPoints), id)),
    rename: (id, name) => {
      const old = get(id);
      refuseTakenName(name, id);
      const next = { ...old, name };
      write(
        () => sql.name.run(name, id),
        (into) => {
          into.byId.set(id, next);
          into.idByName.delete(old.name);
          into.idByName.set(name, id);
        },
      );
      return next;
    },
    delete: (id) => {
      const old = current().byId.get(id);
      if (old === undefined) return;
      write(
        () => sql.delete.run(id),
        (into) => {
          into.byId.delete(id);
          into.idByName.delete(old.name);
        },
      );
    },
    freeName: (random) => {
      for (let attempt = 0; ; attempt++) {
        const name = generateName(random, attempt) + (attempt > 20 ? `_${attempt}` : '');
        if (findByName(name) === undefined) return name;
      }
    },
  };
}

type Statements = ReturnType<typeof prepareStatements>;
function prepareStatements(db: Db) {
  const column = (name: string) => db.prepare<never>(`UPDATE container SET ${name} = ? WHERE id = ?`);
  return {
    all: db.prepare<ContainerRow>('SELECT * FROM container'),
    insert: db.prepare<never>(
      'INSERT INTO container VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    status: db.prepare<never>(
      'UPDATE container SET status = ?, pid = ?, paused = ?, exit_code = ?, oom_killed = ?, error = ?, started = ?, finished = ? WHERE id = ?',
    ),
    stoppedByUser: column('stopped_by_user'),
    restartCount: column('restart_count'),
    hostConfig: column('host_config'),
    mountPoints: column('mount_points'),
    name: column('name'),
    delete: db.prepare<never>('DELETE FROM container WHERE id = ?'),
  };
}

function loadMirror(rows: ReturnType<Statements['all']['all']>): Mirror {
  const byId = new Map<string, ContainerRecord>();
  const idByName = new Map<string, string>();
  for (const row of rows) {
    const record = parseRecord(row);
    byId.set(record.id, record);
    idByName.set(record.name, record.id);
  }
  return { byId, idByName, newestFirst: undefined };
}

function byPrefix(byId: ReadonlyMap<string, ContainerRecord>, prefix: string): ContainerRecord {
  if (prefix === '') throw new EngineError('invalid', 'invalid name or ID supplied: ""');
  let found: ContainerRecord | undefined;
  for (const record of byId.values()) {
    if (!record.id.startsWith(prefix)) continue;
    if (found !== undefined) throw new EngineError('invalid', `multiple IDs found with provided prefix: ${prefix}`);
    found = record;
  }
  return found ?? throwMissing(prefix);
}

function throwMissing(ref: string): never {
  throw new EngineError('not-found', `No such container: ${ref}`);
}
