import { expect, test } from 'bun:test';
import { explain, type WhyFacts } from './explain.ts';
import { emptyHostConfig, sampleRecord } from './record-fixture.ts';
import type { RunEvents } from './run-events.ts';
import type { ContainerRecord, ContainerStatus, RestartPolicy } from './types.ts';

const startedAt = new Date('2026-01-01T12:00:00Z');
const finishedAt = new Date('2026-01-01T12:00:03Z');
const now = new Date('2026-01-01T12:00:03.050Z');
const sentAt = new Date('2026-01-01T12:00:02.500Z');
const quiet: RunEvents = { isWhole: true, signals: [], wasStopped: false, before: undefined };

type Case = Partial<Omit<WhyFacts, 'container' | 'exit'>> & {
  readonly code?: number;
  readonly signal?: number;
  readonly oomKilled?: boolean;
  readonly lost?: boolean;
  readonly status?: ContainerStatus;
  readonly policy?: RestartPolicy;
  readonly container?: Partial<ContainerRecord>;
};

function say({ code = 0, signal = 0, oomKilled = false, lost = false, policy, container, status, ...rest }: Case) {
  const exited: ContainerStatus = { kind: 'exited', exitCode: code, oomKilled, error: '', startedAt, finishedAt };
  const restartPolicy = policy ?? { name: 'no', maximumRetryCount: 0 };
  const record = sampleRecord(1, {
    name: 'web',
    status: status ?? exited,
    hostConfig: { ...emptyHostConfig, memoryBytes: 16 << 20, restartPolicy },
    ...container,
  });
  const exit = lost ? undefined : { exitCode: code, signal, oomKilled, startedAt, finishedAt };
  return explain({ container: record, exit, run: quiet, health: undefined, now, ...rest }).join('\n');
}

const ended = (code: number): string => `web ended at 2026-01-01T12:00:03.000Z with exit code ${code}, after 3.0 s.\n`;
const staysDown = '\nIt has no restart policy: it stays down until somebody starts it.';

test('an exit by itself', () => {
  expect(say({})).toBe(`${ended(0)}Its process exited by its own code, and reports success.${staysDown}`);
  expect(say({ code: 3 })).toBe(`${ended(3)}Its process exited by its own code and reports a failure, 3.${staysDown}`);
  expect(say({ code: 127 })).toContain('127: from a shell, that a command was not found.');
  expect(say({ code: 143 })).toContain('143: from a shell, that SIGTERM ended a command.');
});

test('a signal, by who is known to have sent it', () => {
  const killed = { code: 137, signal: 9 };
  const by = `${ended(137)}SIGKILL ended its process, hence the code: 128 + 9.\n`;
  expect(say(killed)).toBe(
    `${by}The API sent no signal: it came from inside the container or from the host.${staysDown}`,
  );
  expect(say({ ...killed, run: { ...quiet, isWhole: false } })).toBe(
    `${by}Who sent the signal is not known: the journal does not reach back to this run.${staysDown}`,
  );
  expect(say({ ...killed, run: { ...quiet, signals: [{ signal: 9, sentAt }], wasStopped: true } })).toBe(
    `${by}A stop through the API asked for it.\nThrough the API it was sent SIGKILL at 2026-01-01T12:00:02.500Z, 500 ms before its end.${staysDown}`,
  );
});

test('memory, by the exit record', () => {
  expect(say({ code: 137, signal: 9, oomKilled: true })).toBe(
    `${ended(137)}It ran out of memory, within its limit of 16MiB: the kernel killed a process of it.\nSIGKILL ended its process, hence the code: 128 + 9.${staysDown}`,
  );
});

test('an end that nobody saw is said to be unknown', () => {
  expect(say({ code: 255, lost: true })).toBe(
    `${ended(255)}Nobody saw its end: the machine or its shim went down, and the code stands for an unknown one.${staysDown}`,
  );
});

test.each([
  ['always', true, 0, 1, 'because a user stopped it; the engine starts it when it comes up again.'],
  ['unless-stopped', true, 0, 1, 'because a user stopped it; it stays down until somebody starts it.'],
  ['on-failure', false, 0, 0, 'because it ended with success; it stays down until somebody starts it.'],
  [
    'on-failure',
    false,
    2,
    1,
    'because it was started again 2 times, and no more is allowed; it stays down until somebody starts it.',
  ],
] as const)('a policy that starts nothing says why: %s, stopped %p, %d restarts, code %d', (...row) => {
  const [name, stoppedByUser, restartCount, code, why] = row;
  const said = say({ code, policy: { name, maximumRetryCount: 2 }, container: { stoppedByUser, restartCount } });
  expect(said).toContain(`\nIts policy "${name}" does not start it now, ${why}`);
});

test('the next restart has its number and its moment, by the rule that books the exit', () => {
  const status = { kind: 'restarting', exitCode: 1, startedAt, finishedAt } as const;
  const policy = { name: 'on-failure', maximumRetryCount: 5 } as const;
  const said = say({ code: 1, status, policy, container: { restartCount: 3 } });
  expect(said).toContain(
    '\nIts policy "on-failure" starts it again at 2026-01-01T12:00:03.400Z, in 350 ms: restart 3 of at most 5.',
  );
});

test('a start that failed', () => {
  const failure = { exitCode: 127, error: 'exec: "nope": executable file not found in $PATH' };
  expect(say({ status: { kind: 'created', failure } })).toBe(
    'web has never run: its start failed.\nThe reason: exec: "nope": executable file not found in $PATH.\nCode 127: the command, or a file that it needs, is not there.',
  );
});

test('one that runs, with what happened before and how it does', () => {
  const status = { kind: 'running', pid: 42, startedAt, paused: false } as const;
  const probe = { startedAt, finishedAt, exitCode: 1, output: 'refused\n' };
  const said = say({
    status,
    container: { restartCount: 1 },
    run: { ...quiet, before: { exitCode: '1', diedAt: startedAt }, signals: [{ signal: 1, sentAt }] },
    health: { status: 'unhealthy', failingStreak: 3, log: [probe] },
  });
  expect(said.split('\n')).toEqual([
    'web runs since 2026-01-01T12:00:00.000Z, for 3.0 s, as PID 42.',
    'Its restart policy has started it again once.',
    'The run before ended at 2026-01-01T12:00:00.000Z with exit code 1.',
    'Through the API it was sent SIGHUP at 2026-01-01T12:00:02.500Z and runs on.',
    'Its health is unhealthy, after 3 failed probes in a row.',
    'Its last health probe, at 2026-01-01T12:00:03.000Z, exited with 1 and said "refused".',
  ]);
});
