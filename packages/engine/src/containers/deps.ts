import type { KeyedLock } from '@gantry/base';
import type { HostFacts } from '@gantry/runtime';
import type { Db } from '../db/index.ts';
import type { EventRoom } from '../engine.ts';
import type { ImageRoom, SnapshotRoom } from '../images/types.ts';
import type { LogShipping } from '../logs/index.ts';
import type { NetworkRoom } from '../network/types.ts';
import type { Task, TaskRoom } from '../tasks/index.ts';
import type { VolumeRoom } from '../volumes/types.ts';
import type { Background } from './background.ts';
import type { ExecTable } from './exec-table.ts';
import type { HealthTable } from './health-table.ts';
import type { LimitFacts } from './limit-facts.ts';
import type { Live } from './live.ts';
import type { ContainerStore } from './store.ts';
import type { HostConfig } from './types.ts';

/** Everything the verbs of this room work with; each verb takes the part it uses. */
export type ContainerDeps = {
  readonly db: Db;
  readonly store: ContainerStore;
  readonly execs: ExecTable;
  readonly health: HealthTable;
  readonly events: EventRoom;
  readonly images: ImageRoom;
  readonly snapshots: SnapshotRoom;
  readonly volumes: VolumeRoom;
  readonly networks: NetworkRoom;
  readonly tasks: TaskRoom;
  readonly shipping: LogShipping;
  readonly live: Live;
  /** By container ID; held while a start, an exit, a pause or a removal is carried out, so that they come one after another. */
  readonly locks: KeyedLock;
  readonly background: Background;
  /** Has the end of a started task booked when it comes. */
  readonly follow: (id: string, task: Task) => void;
  readonly facts: HostFacts;
  readonly limits: LimitFacts;
  /** Told of failures that no request waits for. */
  readonly report: (what: string, error: unknown) => void;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
  /** Holds `containers/<id>/`: log, exit record, hosts, hostname and resolv.conf. */
  readonly dataRoot: string;
  /** cgroup below which containers without a parent of their own are put: `/gantry-<instance>`. */
  readonly cgroupParent: string;
  /** Daemon-wide defaults that a create request lacks. */
  readonly defaults: ContainerDefaults;
};

export type ContainerDefaults = {
  readonly logConfig: HostConfig['logConfig'];
  readonly ulimits: HostConfig['ulimits'];
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly shmSizeBytes: number;
  readonly init: boolean;
};
