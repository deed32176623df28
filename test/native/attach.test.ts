import { afterAll, expect, test } from 'bun:test';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  encodeAttach,
  encodeFrame,
  encodeResize,
  encodeSignal,
  frameType,
  kill,
  parseExitRecord,
} from '@gantry/native';
import { hostState, openBench, type TaskOptions } from './fixture.ts';
import type { Task } from './task.ts';

const bench = await openBench();
afterAll(() => bench[Symbol.asyncDispose]());

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const shell = (script: string, options: TaskOptions = {}): Task =>
  bench.start({ argv: ['sh', '-c', script], ...options });
const interactive = { openStdin: true, stdinOnce: true } as const;

test('every attached client gets both streams in frames, from the first byte', () => {
  const task = shell('echo out; echo err >&2');
  using first = task.attach();
  using second = task.attach();
  expect(task.run().exitCode).toBe(0);
  for (const client of [first, second]) {
    expect(client.output()).toBe('out\n');
    expect(client.output(frameType.stderr)).toBe('err\n');
  }
});

test('a connection handed over at the spawn misses nothing of a process that starts at once', () => {
  const first = encodeAttach({ stdin: true, stdout: true });
  const task = bench.start({
    argv: ['cat'],
    startAtOnce: true,
    attached: [Buffer.concat([first, bytes('early')])],
    shim: interactive,
  });
  const [client] = task.handed;
  client?.endInput();
  expect(client?.output()).toBe('early');
  expect(task.exit().exitCode).toBe(0);
});

test("a client's half-close ends stdin once, and its output still comes", () => {
  const task = shell('cat; echo done', { shim: interactive });
  using client = task.attach(true);
  task.start();
  client.send(bytes('one\n'));
  expect(client.outputUntil('one\n')).toBe('one\n');
  client.endInput();
  expect(client.output()).toBe('one\ndone\n');
  expect(task.exit().exitCode).toBe(0);
});

test('without stdin-once a client may leave and another one goes on', () => {
  const task = shell('cat', { shim: { openStdin: true } });
  task.attach(true)[Symbol.dispose]();
  task.start();
  using client = task.attach(true);
  client.send(bytes('still here\n'));
  expect(client.outputUntil('here\n')).toBe('still here\n');
  task.control.send(encodeSignal(9, false));
  expect(task.exit().exitCode).toBe(137);
});

test('more input than pipes hold arrives whole, and is not lost when its sender is gone', () => {
  const task = shell('sleep 0.2; wc -c', { shim: interactive });
  {
    using client = task.attach(true);
    task.start();
    // What the pipe, one held piece and the socket take without anybody reading.
    client.send(new Uint8Array(120_000).fill(120));
    client.endInput();
  }
  expect(task.exit().exitCode).toBe(0);
  expect(task.logText()).toBe('120000\n');
});

test('ten megabytes through stdin and back, in both directions at once', async () => {
  const size = 10_000_000;
  const task = bench.start({ argv: ['cat'], shim: { ...interactive, log: { kind: 'none' } } });
  using client = task.attach(true);
  task.start();
  const chunk = new Uint8Array(50_000).fill(121);
  for (let sent = 0; sent < size; sent += chunk.length) {
    client.send(chunk);
    while (!client.isQuiet(0)) client.collect();
  }
  client.endInput();
  expect(client.output().length).toBe(size);
});

test('a process that does not read its input leaves no reset to the client', () => {
  const task = shell('exec 0<&-; echo bye', { shim: interactive });
  using client = task.attach(true);
  client.send(new Uint8Array(50_000));
  task.start();
  expect(client.output()).toBe('bye\n');
});

test('a slow reader holds the process back and loses nothing; a dead one lets it go', () => {
  const task = shell('seq 1 200000; echo end >&2', { shim: { log: { kind: 'none' } } });
  using slow = task.attach();
  using quick = task.attach();
  const dead = task.attach();
  task.start();
  while (!quick.isQuiet(200)) quick.collect();
  using probe = task.connect(encodeFrame(frameType.control));
  expect(probe.wait(frameType.status).record.state).toBe('running');
  dead[Symbol.dispose]();
  while (!slow.ended || !quick.ended) {
    for (const client of [slow, quick]) while (!client.ended && !client.isQuiet(1)) client.collect();
  }
  expect(slow.output(frameType.stderr)).toBe('end\n');
  expect(slow.output().length).toBe(quick.output().length);
  expect(quick.output().split('\n')).toHaveLength(200_001);
});

test('a reader that stalls keeps neither the traces nor the control connection, and gets the rest when it goes on', async () => {
  const task = shell('yes');
  using stalled = task.attach();
  task.start();
  while (!(await isBlocked(task)));
  task.kill();
  expect(task.exit()).toMatchObject({ exitCode: 137, signal: 9 });
  task.control.output();
  expect(hostState(bench)).toMatchObject({ mounts: 0, cgroups: [] });
  expect(existsSync(join(task.plan.shim.taskDir, 'shim.sock'))).toBe(false);
  expect(task.process.exitCode).toBe(null);
  const log = task.logText();
  expect(stalled.output()).toBe(log);
  expect(await task.process.exited).toBe(0);
  expect(task.logText()).toBe(log);
});

/** Tells whether the process waits for its output to be taken: the log stops growing. */
async function isBlocked(task: Task): Promise<boolean> {
  const log = join(task.plan.shim.taskDir, 'log');
  const length = statSync(log).size;
  await Bun.sleep(50);
  return length > 0 && statSync(log).size === length;
}

test('a terminal is raw, has the size it was given, and learns of a new one', () => {
  const task = shell('stty size; tty; read x; stty size; echo "<$x>"', {
    shim: { terminal: true, openStdin: true },
    rows: 30,
  });
  using client = task.attach(true);
  task.start();
  expect(client.rawUntil('/0\r\n')).toBe('30 80\r\n/dev/pts/0\r\n');
  task.control.send(encodeResize(50, 132));
  client.send(bytes('hé\n'));
  expect(client.rawUntil('>')).toContain('50 132\r\n<hé>');
  expect(task.exit().exitCode).toBe(0);
  expect(task.logText()).toContain('<hé>\r\n');
});

test('control-c on a terminal reaches the foreground process', () => {
  const task = shell('trap "echo caught; exit 5" INT; echo up; while :; do sleep 0.05; done', {
    shim: { terminal: true, openStdin: true },
  });
  using client = task.attach(true);
  task.start();
  client.rawUntil('up');
  client.send(Uint8Array.of(3));
  expect(client.rawUntil('caught')).toContain('caught');
  expect(task.exit().exitCode).toBe(5);
});

test('resizing what is no terminal is answered with an error', () => {
  const task = shell('sleep 100').start();
  task.control.send(encodeResize(1, 1));
  expect(task.control.wait(frameType.error).record).toEqual({ request: frameType.resize, errno: 25 });
});

test('output that a background child keeps open does not hold the exit for ever', () => {
  // Two processes of one pipe: the child outlives init only where init is not its namespace's reaper.
  const task = bench.start({
    argv: ['sh', '-c', 'sleep 30 & echo started'],
    changeParent: (acts) =>
      acts.map((act) => (act.verb === 'clone' ? { ...act, flags: act.flags & ~0x20000000n } : act)),
    shim: { killProcsFile: '' },
  });
  const began = performance.now();
  using client = task.attach();
  expect(task.start().exit().exitCode).toBe(0);
  expect(client.output()).toBe('started\n');
  expect(performance.now() - began).toBeLessThan(4000);
  const procs = readFileSync(`${bench.cgroup}/t${bench.started - 1}/cgroup.procs`, 'utf8');
  for (const pid of procs.trim().split('\n')) kill(Number(pid), 9);
});

test('what is left in the cgroup after init is killed when the plan says where', async () => {
  const procs = `${bench.cgroup}/t${bench.started}/cgroup.procs`;
  const task = bench.start({
    argv: ['sh', '-c', 'sleep 30 & echo started'],
    changeParent: (acts) =>
      acts.map((act) => (act.verb === 'clone' ? { ...act, flags: act.flags & ~0x20000000n } : act)),
    shim: { killProcsFile: procs },
  });
  const began = performance.now();
  expect(task.start().exit().exitCode).toBe(0);
  await task.process.exited;
  expect(performance.now() - began).toBeLessThan(1500);
  expect(existsSync(procs)).toBe(false);
});

test('a container outlives who started it, and somebody else takes it over', async () => {
  const options = { argv: ['sh', '-c', 'echo before; read x; echo "after $x"; exit 9'], shim: { openStdin: true } };
  const orphan = bench.orphan(options);
  using control = orphan.connect(encodeFrame(frameType.control));
  expect(control.wait(frameType.status).record).toMatchObject({ state: 'running' });
  using client = orphan.connect(encodeAttach({ stdin: true, stdout: true }));
  client.send(bytes('all\n'));
  expect(client.outputUntil('after')).toBe('after all\n');
  expect(control.wait(frameType.exited).record).toMatchObject({ exitCode: 9 });
  expect(parseExitRecord(readFileSync(join(orphan.plan.shim.exitRecord), 'utf8')).exitCode).toBe(9);
  expect(readFileSync(join(orphan.plan.shim.taskDir, 'started'), 'utf8')).toContain('"startedAt"');
  expect(orphan.logText()).toBe('before\nafter all\n');
});

test('signals go to init, or to every process of the cgroup', () => {
  const procs = `${bench.cgroup}/t${bench.started}/cgroup.procs`;
  const script =
    'trap "echo init" USR1; (trap "echo child" USR1; echo up; while :; do sleep 0.02; done) & while :; do sleep 0.02; done';
  const task = shell(script, { shim: { killProcsFile: procs } });
  using client = task.attach();
  task.start();
  client.outputUntil('up');
  task.control.send(encodeSignal(10));
  expect(client.outputUntil('init')).not.toContain('child');
  task.control.send(encodeSignal(9, true));
  expect(task.exit()).toMatchObject({ exitCode: 137, signal: 9 });
});
