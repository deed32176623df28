import { EngineError, formatId } from '@gantry/base';
import type { Db } from '../db/index.ts';
import type { Clock, EventSink } from '../events/types.ts';
import { directorySize, openVolumeDirectories, type VolumeDirectories } from './directories.ts';
import { checkVolumeName, checkVolumeOptions, localDriver } from './local-driver.ts';
import { planVolumePrune, planVolumeRemoval, pruneVolumes, removeVolume } from './remove.ts';
import { openVolumeRows, type StoredVolume, type VolumeRows } from './rows.ts';
import type { VolumeCreateRequest, VolumeRecord, VolumeRoom } from './types.ts';

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
    usage: (name) => directorySize(get(name).mountpoint),
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
