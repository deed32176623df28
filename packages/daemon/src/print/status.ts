import { type ContainerStateWire, formatTime, humanDuration } from '@gantry/api';
import type { ContainerStatus, ContainerView } from '@gantry/engine';

/** A start that failed leaves a container that was never up: Docker still calls it created. */
function neverStarted(status: ContainerStatus): boolean {
  return status.kind === 'created' || (status.kind === 'exited' && status.startedAt === undefined);
}

/** Docker's one word for a container's state. */
export function stateWord(status: ContainerStatus): string {
  if (neverStarted(status)) return 'created';
  return status.kind === 'running' && status.paused ? 'paused' : status.kind;
}

/** The STATUS column: `Up 5 minutes (healthy)`, `Exited (0) 2 seconds ago`. */
export function statusText(status: ContainerStatus, health: string | undefined, now: Date): string {
  const since = (moment: Date): string => humanDuration(now.getTime() - moment.getTime());
  switch (status.kind) {
    case 'created':
      return 'Created';
    case 'running': {
      if (status.paused) return `Up ${since(status.startedAt)} (Paused)`;
      const shown = health === 'starting' ? 'health: starting' : health;
      return `Up ${since(status.startedAt)}${shown === undefined ? '' : ` (${shown})`}`;
    }
    case 'restarting':
      return `Restarting (${status.exitCode}) ${since(status.finishedAt)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'exited':
      return neverStarted(status) ? 'Created' : `Exited (${status.exitCode}) ${since(status.finishedAt)} ago`;
    case 'dead':
      return 'Dead';
  }
}

/** `State` of inspect. */
export function printState({
  status,
  health,
  unresponsive,
}: Pick<ContainerView, 'status' | 'health' | 'unresponsive'>): ContainerStateWire {
  const ended = status.kind === 'exited' || status.kind === 'restarting' ? status : undefined;
  const begun = 'startedAt' in status ? status.startedAt : undefined;
  return {
    Status: stateWord(status),
    Running: status.kind === 'running' || status.kind === 'restarting',
    Paused: status.kind === 'running' && status.paused,
    Restarting: status.kind === 'restarting',
    OOMKilled: status.kind === 'exited' && status.oomKilled,
    Dead: status.kind === 'dead',
    Pid: status.kind === 'running' ? status.pid : 0,
    ExitCode: ended?.exitCode ?? 0,
    Error: status.kind === 'exited' ? status.error : (unresponsive ?? ''),
    StartedAt: formatTime(begun),
    FinishedAt: formatTime(begun === undefined ? undefined : ended?.finishedAt),
    ...(health === undefined ? {} : { Health: printHealth(health) }),
  };
}

function printHealth({
  status,
  failingStreak,
  log,
}: NonNullable<ContainerView['health']>): ContainerStateWire['Health'] {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map(({ startedAt, finishedAt, exitCode, output }) => ({
      Start: formatTime(startedAt),
      End: formatTime(finishedAt),
      ExitCode: exitCode,
      Output: output,
    })),
  };
}
