import { expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bind,
  close,
  listen,
  recvFrom,
  socket,
  socketFamily,
  socketType,
  unixAddress,
} from '../../packages/native/src/index.ts';
import { repositoryRoot } from '../../tools/repository.ts';
import { runCommand } from '../harness/command.ts';
import { gantryProgram, startEngine } from '../harness/engine.ts';
import { takeSlot } from '../harness/slot.ts';
import { instanceName, sweepHost } from '../harness/sweep-host.ts';
import { waitFor } from '../harness/wait-for.ts';

// Where no systemd runs its side of the protocol is played here, by its manual pages: a datagram socket that is told, and
// descriptors that are passed.

class NotifySocket implements Disposable {
  readonly path: string;
  readonly #fd = socket(socketFamily.unix, socketType.datagram, { nonBlocking: true });
  readonly #told: string[] = [];

  constructor(path: string) {
    this.path = path;
    bind(this.#fd, unixAddress(path));
  }

  /** Waits for a message that has this line; those before it are passed over. */
  async hear(line: RegExp): Promise<string> {
    return await waitFor(`the supervisor hears ${line}`, () => {
      const bytes = new Uint8Array(4096);
      for (let got = recvFrom(this.#fd, bytes); got !== undefined; got = recvFrom(this.#fd, bytes))
        this.#told.push(new TextDecoder().decode(bytes.subarray(0, got.length)));
      const at = this.#told.findIndex((message) => line.test(message));
      return at < 0 ? undefined : this.#told.splice(0, at + 1).at(-1);
    });
  }

  [Symbol.dispose](): void {
    close(this.#fd);
    rmSync(this.path, { force: true });
  }
}

test('a supervisor hears when the daemon serves, lives, reloads, is replaced and stops', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-notify-'));
  using told = new NotifySocket(join(directory, 'notify'));
  const environment = { NOTIFY_SOCKET: told.path, WATCHDOG_USEC: '100000' };
  {
    await using engine = await startEngine({ busybox: false, environment });
    const first = engine.pid();
    expect(await told.hear(/^READY=1$/m)).toContain(`MAINPID=${first}`);
    await told.hear(/^WATCHDOG=1$/m);
    process.kill(first, 'SIGHUP');
    expect(await told.hear(/^RELOADING=1$/m)).toMatch(/^MONOTONIC_USEC=\d+$/m);
    await told.hear(/^READY=1$/m);
    process.kill(first, 'SIGUSR2');
    const successor = /^MAINPID=(\d+)$/m.exec(await told.hear(/^READY=1$/m))?.[1];
    expect(successor).toBe(readFileSync(join(engine.root, 'gantry.pid'), 'utf8'));
    expect(successor).not.toBe(String(first));
    await told.hear(/^WATCHDOG=1$/m);
  }
  await told.hear(/^STOPPING=1$/m);
  rmSync(directory, { recursive: true });
}, 60_000);

test('sockets that a supervisor made are served, through a takeover too, and stay when the daemon ends', async () => {
  using slot = takeSlot();
  const root = mkdtempSync(join(tmpdir(), 'gantry-test-'));
  const [path, pidfile] = [join(root, 'api.sock'), join(root, 'pid')];
  const fd = socket(socketFamily.unix, socketType.stream);
  bind(fd, unixAddress(path));
  listen(fd, 16);
  // Nobody serves yet: this is answered as soon as somebody does.
  const early = fetch('http://engine/_ping', { unix: path });
  const words = ['-H', 'fd://', '--data-root', join(root, 'data'), '--exec-root', join(root, 'run')];
  const more = ['--pidfile', pidfile, '--bridge', slot.bridge, '--bip', slot.bridgeAddress];
  const child = Bun.spawn(['sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh', gantryProgram, 'daemon', ...words, ...more], {
    stdio: ['ignore', Bun.file(join(root, 'log')), Bun.file(join(root, 'log')), fd],
    env: { ...process.env, LISTEN_FDS: '1' },
  });
  expect(await (await early).text()).toBe('OK');
  const first = Number(readFileSync(pidfile, 'utf8'));
  process.kill(first, 'SIGUSR2');
  await waitFor(
    'a successor is in place',
    () => existsSync(pidfile) && Number(readFileSync(pidfile, 'utf8')) !== first,
  );
  const successor = Number(readFileSync(pidfile, 'utf8'));
  expect(await (await fetch('http://engine/_ping', { unix: path })).text()).toBe('OK');
  process.kill(successor, 'SIGTERM');
  child.kill();
  await child.exited;
  await waitFor('both have ended', () => !existsSync(`/proc/${successor}`));
  expect(existsSync(path)).toBe(true);
  close(fd);
  await sweepHost(instanceName(join(root, 'data')), slot.bridge);
  rmSync(root, { recursive: true });
}, 60_000);

test('without a socket that was passed, fd:// is refused with what to do', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-fd-'));
  const result = await runCommand([
    ...[gantryProgram, 'daemon', '-H', 'fd://', '--data-root', join(directory, 'data')],
    ...['--exec-root', join(directory, 'run'), '--pidfile', join(directory, 'pid'), '--bridge', 'none'],
  ]);
  rmSync(directory, { recursive: true });
  expect([result.exitCode, result.stderr.split('\n').filter((line) => !line.startsWith('time='))]).toEqual([
    1,
    [
      'gantry daemon: cannot listen on "fd://*": no such socket was passed',
      'a supervisor passes sockets (LISTEN_FDS): start the daemon by its socket unit, or give it another -H',
      '',
    ],
  ]);
}, 30_000);

test('--validate tells a good configuration from a bad one, by its words and its exit code', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-validate-'));
  const file = join(directory, 'daemon.json');
  const validate = async (text: string): Promise<readonly [number, string]> => {
    writeFileSync(file, text);
    const { exitCode, stdout, stderr } = await runCommand([
      gantryProgram,
      'daemon',
      '--validate',
      '--config-file',
      file,
    ]);
    return [exitCode, stdout + stderr];
  };
  expect(await validate('{"debug":true,"hosts":["fd://"]}')).toEqual([0, 'configuration OK\n']);
  expect(await validate('{"unknown-option":1}')).toEqual([
    1,
    `gantry daemon: unable to configure the Docker daemon with file ${file}: the following directives don't match any configuration option: unknown-option\n`,
  ]);
  rmSync(directory, { recursive: true });
});

test('the unit files start what this program understands', async () => {
  const unit = readFileSync(join(repositoryRoot, 'packaging/systemd/gantry.service'), 'utf8');
  const command = /^ExecStartPre=\/usr\/bin\/gantry (.*)$/m.exec(unit)?.[1]?.split(' ') ?? [];
  expect(await runCommand([gantryProgram, ...command])).toMatchObject({ exitCode: 0, stdout: 'configuration OK\n' });
  expect(/^ExecStart=\/usr\/bin\/gantry (.*)$/m.exec(unit)?.[1]).toBe(
    command.filter((word) => word !== '--validate').join(' '),
  );
});
