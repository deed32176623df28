import { type ContainerWhyWire, formatTime } from '@gantry/api';
import type { Health, Why } from '@gantry/engine';

export function printWhy({ container, sentences, exit, signals, restartsAt, health, logLines }: Why): ContainerWhyWire {
  const { id, name, status, hostConfig, restartCount } = container;
  const { restartPolicy } = hostConfig;
  return {
    Id: id,
    Name: name,
    Status: status.kind === 'running' && status.paused ? 'paused' : status.kind,
    Sentences: sentences,
    Exit:
      exit === undefined
        ? null
        : {
            Code: exit.exitCode,
            Signal: exit.signal,
            OOMKilled: exit.oomKilled,
            StartedAt: formatTime(exit.startedAt),
            FinishedAt: formatTime(exit.finishedAt),
          },
    StartError: startErrorOf(status),
    Signals: signals.map(({ signal, sentAt }) => ({ Signal: signal, SentAt: formatTime(sentAt) })),
    Restart: {
      Policy: restartPolicy.name || 'no',
      MaximumRetryCount: restartPolicy.maximumRetryCount,
      Count: restartCount,
      NextAt: restartsAt === undefined ? null : formatTime(restartsAt),
    },
    Health: health === undefined ? null : printHealth(health),
    Log: logLines,
  };
}

function startErrorOf(status: Why['container']['status']): string {
  if (status.kind === 'created') return status.failure?.error ?? '';
  return status.kind === 'exited' ? status.error : '';
}

function printHealth({ status, failingStreak, log }: Health): NonNullable<ContainerWhyWire['Health']> {
  const last = log.at(-1);
  return {
    Status: status,
    FailingStreak: failingStreak,
    LastProbe:
      last === undefined ? null : { ExitCode: last.exitCode, Output: last.output, End: formatTime(last.finishedAt) },
  };
}
