import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { runCommand } from '../harness/command.ts';
import { type ClientName, gantryProgram } from '../harness/engine.ts';
import { Terminal } from '../harness/terminal.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type ClientsEngine, openClientsEngine } from './clients-engine.ts';

/** A user before a terminal: what is typed, what is seen, and what is left when they go. */

let engine: ClientsEngine;
beforeAll(async () => {
  engine = await openClientsEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const ctrlC = '\x03';
const ctrlD = '\x04';
const ctrlP = '\x10';
const ctrlQ = '\x11';

for (const client of ['docker', 'gantry'] as const) {
  // The real engine among the peers is asked through its own client only.
  const suite = process.env.GANTRY_TEST_PEER !== undefined && client === 'gantry' ? describe.skip : describe;
  suite(client, () => defineTests(client));
}

function defineTests(client: ClientName): void {
  const program = client === 'docker' ? 'docker' : gantryProgram;
  const sit = (argv: readonly string[], size: { columns?: number; rows?: number } = {}): Terminal =>
    new Terminal([program, ...argv], { environment: engine.environment, ...size });
  const output = async (...argv: string[]): Promise<string> => {
    const result = await runCommand([program, ...argv], { environment: engine.environment });
    return (result.stdout + result.stderr).trim();
  };
  const name = (words: string): string => `t-${client}-${words}`;
  const remove = (container: string): AsyncDisposable => ({
    [Symbol.asyncDispose]: async () => {
      await output('rm', '-f', container);
    },
  });

  test('a shell in a terminal echoes, answers, and gives its exit code', async () => {
    await using terminal = sit(['run', '--rm', '-it', 'busybox', 'sh']);
    await terminal.expect('/ # ');
    terminal.type('tty; echo $((6*7))\r');
    await terminal.expect(/\/dev\/pts\/\d+\r\n42\r\n/);
    terminal.type('exit 3\r');
    expect(await terminal.exitCode()).toBe(3);
  });

  test('ctrl-d ends a shell', async () => {
    await using terminal = sit(['run', '--rm', '-it', 'busybox', 'sh']);
    await terminal.expect('/ # ');
    terminal.type(ctrlD);
    expect(await terminal.exitCode()).toBe(0);
  });

  test("the container's terminal has the size of the user's, and follows it", async () => {
    await using terminal = sit(['run', '--rm', '-it', 'busybox', 'sh'], { columns: 101, rows: 33 });
    await terminal.expect('/ # ');
    terminal.type('stty size\r');
    await terminal.expect('33 101');
    terminal.resize(77, 22);
    await waitFor('the new size', async () => {
      terminal.type('stty size\r');
      return (await terminal.expect(/\d+ \d+\r\n/))[0] === '22 77\r\n';
    });
    terminal.type('exit\r');
    expect(await terminal.exitCode()).toBe(0);
  });

  test('ctrl-c reaches the program in the terminal', async () => {
    await using terminal = sit([
      'run',
      '--rm',
      '-it',
      'busybox',
      'sh',
      '-c',
      'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.05; done',
    ]);
    await terminal.expect('ready');
    terminal.type(ctrlC);
    await terminal.expect('caught');
    expect(await terminal.exitCode()).toBe(5);
  });

  test('without a terminal in the container, ctrl-c is passed on as a signal', async () => {
    await using terminal = sit([
      'run',
      '--rm',
      '-i',
      'busybox',
      'sh',
      '-c',
      'trap "echo caught; exit 6" INT; echo ready; while :; do sleep 0.05; done',
    ]);
    await terminal.expect('ready');
    terminal.type(ctrlC);
    await terminal.expect('caught');
    expect(await terminal.exitCode()).toBe(6);
  });

  test('ctrl-p ctrl-q leaves the container running, and attach comes back to it', async () => {
    const container = name('detach');
    await using _container = remove(container);
    await using first = sit(['run', '-it', '--name', container, 'busybox', 'sh']);
    await first.expect('/ # ');
    first.type(ctrlP + ctrlQ);
    expect(await first.exitCode()).toBe(0);
    expect(await output('inspect', container, '--format', '{{.State.Running}}')).toBe('true');
    await using second = sit(['attach', container]);
    second.type('echo b""ack\r');
    await second.expect('back');
    second.type('exit 4\r');
    expect(await second.exitCode()).toBe(4);
  });

  test('other detach keys work, and the default ones are then plain input', async () => {
    const container = name('keys');
    await using _container = remove(container);
    await using terminal = sit([
      'run',
      '-it',
      '--name',
      container,
      '--detach-keys',
      'ctrl-x,y',
      'busybox',
      'cat',
      '-v',
    ]);
    terminal.type(`a${ctrlP}${ctrlQ}b\r`);
    await terminal.expect('a^Pb');
    terminal.type('\x18y');
    expect(await terminal.exitCode()).toBe(0);
    expect(await output('inspect', container, '--format', '{{.State.Running}}')).toBe('true');
  });

  test('exec in a terminal has a terminal of its own', async () => {
    const container = name('exec');
    await using _container = remove(container);
    await output('run', '-d', '--name', container, 'busybox', 'sleep', '1000');
    await using terminal = sit(['exec', '-it', container, 'sh'], { columns: 90, rows: 40 });
    await terminal.expect('/ # ');
    terminal.type('tty; stty size\r');
    await terminal.expect(/\/dev\/pts\/\d+/);
    await terminal.expect('40 90');
    terminal.resize(60, 20);
    await waitFor('the new size', async () => {
      terminal.type('stty size\r');
      return (await terminal.expect(/\d+ \d+\r\n/))[0] === '20 60\r\n';
    });
    terminal.type('exit 8\r');
    expect(await terminal.exitCode()).toBe(8);
  });

  test('two users share the screen of one container', async () => {
    const container = name('shared');
    await using _container = remove(container);
    await using first = sit(['run', '-it', '--name', container, 'busybox', 'sh']);
    await first.expect('/ # ');
    await using second = sit(['attach', container]);
    await waitFor('both see what the second types', async () => {
      second.type('echo seen by both\r');
      return first.expect('seen by both\r\n', 500).catch(() => undefined);
    });
    first.type('exit\r');
    expect([await first.exitCode(), await second.exitCode()]).toEqual([0, 0]);
  });

  test('killing the client leaves the container running', async () => {
    const container = name('orphan');
    await using _container = remove(container);
    {
      await using terminal = sit(['run', '-it', '--name', container, 'busybox', 'sh']);
      await terminal.expect('/ # ');
    }
    expect(await output('inspect', container, '--format', '{{.State.Running}}')).toBe('true');
    expect(await output('exec', container, 'echo', 'alive')).toBe('alive');
  });

  test('logs -f prints what comes, and ends on ctrl-c', async () => {
    const container = name('follow');
    await using _container = remove(container);
    await output(
      'run',
      '-d',
      '--name',
      container,
      'busybox',
      'sh',
      '-c',
      'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done',
    );
    await using terminal = sit(['logs', '-f', container]);
    await terminal.expect('line 1\r\n');
    await terminal.expect('line 12\r\n');
    terminal.type(ctrlC);
    await terminal.exitCode();
    expect(await output('inspect', container, '--format', '{{.State.Running}}')).toBe('true');
  });

  test('events come as they happen', async () => {
    const container = name('events');
    await using terminal = sit(['events', '--filter', `container=${container}`, '--format', '{{.Action}}']);
    await waitFor('the events of one container', async () => {
      await output('run', '--rm', '--name', container, 'busybox', 'true');
      return terminal.expect(/create\r\n(attach\r\n)?start\r\n.*die\r\n.*destroy\r\n/s, 2000).catch(() => undefined);
    });
  });
}
