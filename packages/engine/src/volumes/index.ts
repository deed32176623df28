import { join } from 'node:path';
import { EngineError, formatId } from '@gantry/base';
import { measureTree } from '@gantry/layer';
import type { Db } from '../db/index.ts';
import type { Clock, EventSink } from '../events/types.ts';
import { isDoomed, openVolumeDirectories, type VolumeDirectories } from './directories.ts';
import { checkVolumeName, checkVolumeOptions, isVolumeName, localDriver } from './local-driver.ts';
import { planVolumePrune, planVolumeRemoval, pruneVolumes, removeVolume } from './remove.ts';
import { openVolumeRows, type StoredVolume, type VolumeRows } from './rows.ts';
import type { StrayVolume, VolumeCreateRequest, VolumeRecord, VolumeRoom } from './types.ts';

export { volumeDirectory } from './local-driver.ts';
export type * from './types.ts';

export type VolumeDeps = {
  readonly db: Db;
  readonly dataRoot: string;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
};

export type OpenedVolumes = VolumeDeps & { readonly rows: VolumeRows; readonly directories: VolumeDirectories };

/** Opens the volumes of an engine: rows in its database, content under `<dataRoot>/volumes`. */
export function openVolumes(deps: VolumeDeps): VolumeRoom {
  const rows = openVolumeRows(deps.db);
  const directories = openVolumeDirectories(deps.dataRoot, () => formatId(deps.random(8)));
  const opened: OpenedVolumes = { ...deps, rows, directories };
  const complete = (stored: StoredVolume): VolumeRecord => ({
    ...stored,
    mountpoint: directories.dataPath(stored.name),
  });
  const find = (name: string): VolumeRecord | undefined => {
    const stored = rows.find(name);
    return stored === undefined ? undefined : complete(stored);
  };
  const get = (name: string): VolumeRecord => {
    const volume = find(name);
    if (volume === undefined) throw new EngineError('not-found', `get ${name}: no such volume`);
    return volume;
  };
  return {
    find,
    get,
    list: () => rows.list().map(complete),
    create: (request) => complete(createVolume(opened, request)),
    remove: async (name, force) => {
      if (find(name) === undefined && force) return;
      await removeVolume(opened, get(name));
    },
    planRemoval: (name, force) => planVolumeRemoval(rows, force ? find(name) : get(name)),
    prune: (match) => pruneVolumes(opened, rows.list().map(complete).filter(match)),
    planPrune: (match, dropped) => planVolumePrune(rows, rows.list().map(complete).filter(match), dropped),
    hold: rows.hold,
    release: rows.release,
    holders: rows.holders,
    usage: (name) => measureTree(get(name).mountpoint),
    adopt: () => adoptVolumes(opened),
    damaged: () =>
      rows.list().flatMap(({ name }) => (directories.exists(name) ? [] : [{ name, path: directories.dataPath(name) }])),
    strays: () => listStrays(opened),
    removeStray: async (name) => {
      if (listStrays(opened).some((stray) => stray.name === name)) await directories.remove(name);
    },
    sweep: async () => {
      const known = new Set(rows.list().map((volume) => volume.name));
      const present = directories.names();
      for (const name of present) if (!known.has(name)) await directories.remove(name);
      for (const name of known) if (!present.includes(name)) directories.make(name);
    },
  };
}

/** Directory first, row last: a directory without a row is swept, a row without a directory would be a lie. */
function createVolume(
  { db, rows, directories, events, clock, random }: OpenedVolumes,
  request: VolumeCreateRequest,
): StoredVolume {
  const anonymous = request.name === '';
  const name = anonymous ? formatId(random(32)) : request.name;
  const driver = request.driver === '' ? localDriver : request.driver;
  const existing = rows.find(name);
  if (existing?.driver === driver) return existing;
  if (existing !== undefined)
    throw new EngineError(
      'conflict',
      `create ${name}: driver '${existing.driver}' already has volume '${name}': volume name must be unique`,
    );
  if (driver !== localDriver)
    throw new EngineError(
      'not-found',
      `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`,
    );
  checkVolumeName(name);
  checkVolumeOptions(name, request.options);
  const createdAt = new Date(Number(clock() / 1_000_000n));
  const stored: StoredVolume = { name, driver, createdAt, labels: request.labels, options: request.options, anonymous };
  directories.make(name);
  db.tx(() => {
    rows.insert(stored);
    events.record('volume', 'create', name, { driver });
  });
  return stored;
}

/** A directory without a row, unless its removal goes on. */
function listStrays({ rows, directories, dataRoot }: OpenedVolumes): readonly StrayVolume[] {
  const known = new Set(rows.list().map(({ name }) => name));
  return directories
    .names()
    .filter((name) => !known.has(name) && !directories.isGoing(name))
    .map((name) => ({ name, path: join(dataRoot, 'volumes', name), isDoomed: isDoomed(name) }));
}

/**
 * Rows may be older than directories after the power failed, and lost with a database that was moved away: a volume
 * with something in it gets a row again, without labels and options, since what is in it may be dear to somebody.
 */
function adoptVolumes(opened: OpenedVolumes): readonly string[] {
  const { db, rows, directories, events, clock } = opened;
  const names = listStrays(opened).flatMap(({ name }) =>
    isVolumeName(name) && directories.exists(name) && !directories.isEmpty(name) ? [name] : [],
  );
  const createdAt = new Date(Number(clock() / 1_000_000n));
  db.tx(() => {
    for (const name of names) {
      const anonymous = /^[0-9a-f]{64}$/.test(name);
      rows.insert({ name, driver: localDriver, createdAt, labels: {}, options: {}, anonymous });
      events.record('volume', 'create', name, { driver: localDriver });
    }
  });
  return names;
}
