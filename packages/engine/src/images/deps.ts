import type { LayerWorkers } from '@gantry/layer';
import type { Platform } from '@gantry/oci';
import type { Registries } from '@gantry/registry';
import type { ContentRoom } from '../content/index.ts';
import type { Db } from '../db/index.ts';
import type { Durability } from '../durability/index.ts';
import type { EventSink } from '../events/index.ts';
import type { JobRoom, SharedWork } from '../jobs/index.ts';
import type { LayerRoom } from '../snapshots/index.ts';
import type { Gate } from './gate.ts';
import type { LastUse } from './last-use.ts';
import type { Records } from './record.ts';
import type { ImageRows } from './rows.ts';
import type { TarSizes } from './save-sizes.ts';
import type { CollectPolicy, ProgressEvent } from './types.ts';

/** Everything the verbs of this room work with; each verb takes the part it uses. */
export type ImageDeps = {
  readonly db: Db;
  readonly durability: Durability;
  readonly rows: ImageRows;
  readonly tarSizes: TarSizes;
  readonly lastUse: LastUse;
  readonly records: Records;
  readonly content: ContentRoom;
  readonly snapshots: LayerRoom;
  readonly jobs: JobRoom;
  readonly events: EventSink;
  readonly workers: LayerWorkers;
  /** Layers on their way, by chain ID: whoever wants the same one waits for the same work. */
  readonly layers: SharedWork<void, ProgressEvent>;
  /** How many layers are fetched and unpacked at a time. */
  readonly gate: Gate;
  /** Told what an administrator should read. */
  readonly warn: (message: string) => void;
  /** How many loads may unpack what they are still sent. */
  readonly early: Gate;
  /** How many layers are sent at a time. */
  readonly uploads: Gate;
  /** One layer is packed at a time: it takes all cores. */
  readonly packing: Gate;
  readonly now: () => Date;
  readonly dataRoot: string;
  /** Which images go by themselves; undefined: none. */
  readonly imagePolicy: CollectPolicy | undefined;
  /** What this machine runs. */
  readonly platform: Platform;
  readonly registries: Registries;
  /** Registries, hosts and networks, that are sent layers that may not be distributed, too. */
  readonly nondistributable: readonly string[];
};

export type OnProgress = (event: ProgressEvent) => void;
