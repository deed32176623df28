import type { ContainerConfig, ContainerRecord, ContainerStatus, HostConfig, MountPoint } from './types.ts';

/** A row of the table `container`, as SQLite gives it. */
export type ContainerRow = {
  readonly id: string;
  readonly name: string;
  readonly created: number;
  readonly image_id: string;
  readonly chain_id: string;
  readonly platform: string;
  readonly config: string;
  readonly host_config: string;
  readonly mount_points: string;
  readonly command: string;
  readonly restart_count: number;
  readonly stopped_by_user: number;
  readonly status: string;
  readonly pid: number | null;
  readonly paused: number | null;
  readonly exit_code: number | null;
  readonly oom_killed: number | null;
  readonly error: string | null;
  readonly started: number | null;
  readonly finished: number | null;
};

type Column = string | number | null;

/** All columns of a record, in the order of the table. */
export function recordColumns(record: ContainerRecord): Column[] {
  return [
    record.id,
    record.name,
    record.createdAt.getTime(),
    record.imageId,
    record.chainId,
    record.platform,
    JSON.stringify(record.config),
    JSON.stringify(record.hostConfig),
    JSON.stringify(record.mountPoints),
    JSON.stringify(record.command),
    record.restartCount,
    record.stoppedByUser ? 1 : 0,
    ...statusColumns(record.status),
  ];
}

/** status, pid, paused, exit_code, oom_killed, error, started, finished. */
export function statusColumns(status: ContainerStatus): Column[] {
  switch (status.kind) {
    case 'created': {
      const { failure } = status;
      return [status.kind, null, null, failure?.exitCode ?? null, null, failure?.error ?? null, null, null];
    }
    case 'removing':
    case 'dead':
      return [status.kind, null, null, null, null, null, null, null];
    case 'running':
      return [status.kind, status.pid, status.paused ? 1 : 0, null, null, null, status.startedAt.getTime(), null];
    case 'restarting':
      return [
        status.kind,
        null,
        null,
        status.exitCode,
        null,
        null,
        status.startedAt.getTime(),
        status.finishedAt.getTime(),
      ];
    case 'exited':
      return [
        status.kind,
        null,
        null,
        status.exitCode,
        status.oomKilled ? 1 : 0,
        status.error,
        status.startedAt?.getTime() ?? null,
        status.finishedAt.getTime(),
      ];
  }
}

/** The record a row stands for. The row was written by `recordColumns`, so its JSON is trusted. */
export function parseRecord(row: ContainerRow): ContainerRecord {
  return {
    id: row.id,
    name: row.name,
    createdAt: new Date(row.created),
    imageId: row.image_id,
    chainId: row.chain_id,
    platform: row.platform,
    config: JSON.parse(row.config) as ContainerConfig,
    hostConfig: JSON.parse(row.host_config) as HostConfig,
    mountPoints: JSON.parse(row.mount_points) as MountPoint[],
    command: JSON.parse(row.command) as string[],
    restartCount: row.restart_count,
    stoppedByUser: row.stopped_by_user === 1,
    status: parseStatus(row),
  };
}

function parseStatus(row: ContainerRow): ContainerStatus {
  const finishedAt = new Date(row.finished ?? 0);
  const startedAt = row.started === null ? undefined : new Date(row.started);
  switch (row.status) {
    case 'running':
      return { kind: 'running', pid: row.pid ?? 0, startedAt: startedAt ?? new Date(0), paused: row.paused === 1 };
    case 'restarting':
      return { kind: 'restarting', exitCode: row.exit_code ?? 0, startedAt: startedAt ?? new Date(0), finishedAt };
    case 'exited':
      return {
        kind: 'exited',
        exitCode: row.exit_code ?? 0,
        oomKilled: row.oom_killed === 1,
        error: row.error ?? '',
        startedAt,
        finishedAt,
      };
    case 'created': {
      if (row.error === null) return { kind: 'created' };
      return { kind: 'created', failure: { exitCode: row.exit_code ?? 0, error: row.error } };
    }
    case 'removing':
    case 'dead':
      return { kind: row.status };
    default:
      throw new Error(`unreachable: container ${row.id} has status ${row.status}`);
  }
}
