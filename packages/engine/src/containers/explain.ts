import { formatBinarySize, formatSignal } from '@gantry/base';
import type { ExitFacts } from '../engine.ts';
import { describeHang, type Hang } from './hang.ts';
import { restartDelay, startsAtBoot } from './restart-policy.ts';
import { restartsAt } from './restarts-at.ts';
import type { RunEvents } from './run-events.ts';
import type { ContainerRecord, ContainerStatus, Health } from './types.ts';

export type WhyFacts = {
  readonly container: ContainerRecord;
  readonly exit: ExitFacts | undefined;
  readonly run: RunEvents;
  readonly health: Health | undefined;
  readonly now: Date;
  /** Of a container that runs and does not react. */
  readonly hang?: Hang | undefined;
};

/** Says in plain sentences why a container is as it is. What was not recorded is said to be unknown. */
export function explain(facts: WhyFacts): readonly string[] {
  const { name, createdAt, status } = facts.container;
  switch (status.kind) {
    case 'created':
      if (status.failure === undefined) return [`${name} was created at ${at(createdAt)} and has never been started.`];
      return [`${name} has never run: its start failed.`, ...startFailure(status.failure)];
    case 'running':
      return [...running(facts, status), ...healthNow(facts.health)];
    case 'restarting':
      return [...ended(facts, status), ...lastProbe(facts.health), ...whatNext(facts)];
    case 'exited':
      if (status.error === '') return [...ended(facts, status), ...lastProbe(facts.health), ...whatNext(facts)];
      return [
        `${name} does not run: its start at ${at(status.finishedAt)} failed.`,
        ...startFailure(status),
        ...whatNext(facts),
      ];
    case 'removing':
      return [`${name} is being removed.`];
    case 'dead':
      return [`${name} could not be removed completely, and cannot be started.`];
  }
}

function startFailure({ exitCode, error }: { exitCode: number; error: string }): readonly string[] {
  const meanings: Readonly<Record<number, string>> = {
    126: 'Code 126: the command is there, and cannot be executed.',
    127: 'Code 127: the command, or a file that it needs, is not there.',
  };
  const meaning = meanings[exitCode] ?? `Code ${exitCode}: the engine could not make its process.`;
  return [`The reason: ${error}.`, meaning];
}

type Running = Extract<ContainerStatus, { kind: 'running' }>;
type Ended = Extract<ContainerStatus, { kind: 'restarting' | 'exited' }>;

function running({ container, run, now, hang }: WhyFacts, { startedAt, pid, paused }: Running): readonly string[] {
  const { name, restartCount } = container;
  const since = `${name} runs since ${at(startedAt)}, for ${span(now.getTime() - startedAt.getTime())}, as PID ${pid}.`;
  const sent = run.signals.map((signal) => `${sentence(signal)} and runs on.`);
  return [
    since,
    ...(hang === undefined ? [] : [`It does not react: ${describeHang(hang)}.`]),
    ...(paused ? ['It is paused: its processes are frozen until it is unpaused.'] : []),
    ...(restartCount === 0 ? [] : [`Its restart policy has started it again ${times(restartCount)}.`]),
    ...(run.before === undefined
      ? []
      : [`The run before ended at ${at(run.before.diedAt)} with exit code ${run.before.exitCode}.`]),
    ...sent,
  ];
}

function ended(facts: WhyFacts, status: Ended): readonly string[] {
  const { name, hostConfig } = facts.container;
  const { exit, run } = facts;
  const ranMs = status.finishedAt.getTime() - (status.startedAt ?? status.finishedAt).getTime();
  const first = `${name} ended at ${at(status.finishedAt)} with exit code ${status.exitCode}, after ${span(ranMs)}.`;
  if (exit === undefined)
    return [first, 'Nobody saw its end: the machine or its shim went down, and the code stands for an unknown one.'];
  const limit = hostConfig.memoryBytes > 0 ? `, within its limit of ${formatBinarySize(hostConfig.memoryBytes)}` : '';
  const memory = exit.oomKilled ? [`It ran out of memory${limit}: the kernel killed a process of it.`] : [];
  return [first, ...memory, howItEnded(exit), ...whoAsked(exit, run, facts.container.stoppedByUser)];
}

function howItEnded({ exitCode, signal }: ExitFacts): string {
  if (signal > 0) return `${formatSignal(signal)} ended its process, hence the code: 128 + ${signal}.`;
  if (exitCode === 0) return 'Its process exited by its own code, and reports success.';
  const shells: Readonly<Record<number, string>> = {
    126: ': from a shell, that a command is there and cannot be executed.',
    127: ': from a shell, that a command was not found.',
  };
  const ofSignal =
    exitCode > 128 && exitCode <= 192 ? `: from a shell, that ${formatSignal(exitCode - 128)} ended a command.` : '.';
  return `Its process exited by its own code and reports a failure, ${exitCode}${shells[exitCode] ?? ofSignal}`;
}

function whoAsked(
  { signal, oomKilled, finishedAt }: ExitFacts,
  run: RunEvents,
  stoppedByUser: boolean,
): readonly string[] {
  const request = run.wasStopped ? ['A stop through the API asked for it.'] : [];
  const sent = run.signals.map(
    (one) => `${sentence(one)}, ${span(finishedAt.getTime() - one.sentAt.getTime())} before its end.`,
  );
  if (sent.length > 0) return [...request, ...sent];
  if (stoppedByUser) return [...request, 'A user stopped it; the journal does not say more.'];
  if (signal === 0 || oomKilled) return request;
  return [
    run.isWhole
      ? 'The API sent no signal: it came from inside the container or from the host.'
      : 'Who sent the signal is not known: the journal does not reach back to this run.',
  ];
}

function sentence({ signal, sentAt }: RunEvents['signals'][number]): string {
  return `Through the API it was sent ${formatSignal(signal)} at ${at(sentAt)}`;
}

function healthNow(health: Health | undefined): readonly string[] {
  if (health === undefined) return [];
  const streak = health.failingStreak === 0 ? '' : `, after ${health.failingStreak} failed probes in a row`;
  return [`Its health is ${health.status}${streak}.`, ...lastProbe(health)];
}

function lastProbe(health: Health | undefined): readonly string[] {
  const last = health?.log.at(-1);
  if (last === undefined) return [];
  const how = last.exitCode === -1 ? 'could not run or took too long' : `exited with ${last.exitCode}`;
  const said = last.output.trim() === '' ? 'said nothing' : `said ${JSON.stringify(last.output.trim())}`;
  return [`Its last health probe, at ${at(last.finishedAt)}, ${how} and ${said}.`];
}

function whatNext({ container, now }: WhyFacts): readonly string[] {
  const { status, hostConfig, restartCount, stoppedByUser } = container;
  const { name, maximumRetryCount } = hostConfig.restartPolicy;
  const due = restartsAt(container);
  if (due !== undefined) {
    const waitMs = due.getTime() - now.getTime();
    const when = waitMs > 0 ? `at ${at(due)}, in ${span(waitMs)}` : 'now';
    const bound = maximumRetryCount > 0 && name === 'on-failure' ? ` of at most ${maximumRetryCount}` : '';
    return [`Its policy "${name}" starts it again ${when}: restart ${restartCount}${bound}.`];
  }
  if (status.kind !== 'exited') return [];
  if (name === '' || name === 'no') return ['It has no restart policy: it stays down until somebody starts it.'];
  const { exitCode } = status;
  const comesBack = startsAtBoot(hostConfig.restartPolicy, { exitCode, restartCount, stoppedByUser });
  const later = comesBack ? 'the engine starts it when it comes up again' : 'it stays down until somebody starts it';
  return [`Its policy "${name}" does not start it now, because ${whyNot(container, status)}; ${later}.`];
}

function whyNot({ hostConfig, restartCount, stoppedByUser }: ContainerRecord, status: Ended): string {
  const { exitCode } = status;
  if (stoppedByUser) return 'a user stopped it';
  if (status.kind === 'exited' && status.error !== '') return 'a start that fails is not tried again';
  const wouldRestart = restartDelay(hostConfig.restartPolicy, { exitCode, restartCount, stoppedByUser, ranMs: 0 });
  if (wouldRestart !== undefined) return 'it ended under another policy';
  return exitCode === 0
    ? 'it ended with success'
    : `it was started again ${times(restartCount)}, and no more is allowed`;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function at(moment: Date): string {
  return moment.toISOString();
}

function span(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} minutes`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} hours` : `${Math.floor(seconds / 86_400)} days`;
}
