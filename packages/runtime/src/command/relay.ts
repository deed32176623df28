import { spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { EngineError } from '@gantry/base';
import { close, makeRaw, openTerminal, takeControl } from '@gantry/native';
import type { DescriptorSocket } from './descriptor-socket.ts';
import { joinTerminal, pumpInput, writeAll } from './foreground.ts';
import { attachStreams, connectShim } from './shim-client.ts';

const hangUp = 1;
const readyFd = 3;

/** Where a detached process's terminal goes, and how to start this program once more to bring it there. */
export type Console = { readonly socket: DescriptorSocket; readonly program: readonly string[] };

/** @param isOurs the process has a terminal, and nobody here stays to show it @throws invalid */
export function checkConsole(socket: DescriptorSocket | undefined, isOurs: boolean): void {
  if (socket !== undefined && !isOurs) {
    throw new EngineError('invalid', 'cannot use a console socket: the process has no terminal or is not detached');
  }
}

/**
 * `--console-socket`: sends the master of a terminal that shows what the process's own terminal shows.
 *
 * The master of the process's own stays with its shim, which logs what it reads there; so a second terminal is made, and
 * a relay in the background joins the two until the process has ended. Returns when it has joined, before the process
 * starts.
 *
 * @throws unavailable when the socket or the relay is gone
 */
export async function handOverConsole({ socket, program }: Console, taskDir: string): Promise<void> {
  const { master, slave } = openTerminal();
  using undo = new DisposableStack();
  undo.defer(() => close(master));
  undo.defer(() => close(slave));
  // Before anyone can type: a relay that is still starting must not find its keys echoed.
  makeRaw(slave);
  socket.send(master, '/dev/ptmx');
  const [file = '', ...words] = program;
  const relay = spawn(file, [...words, 'relay', taskDir], {
    detached: true,
    cwd: '/',
    env: {},
    stdio: [slave, slave, slave, 'pipe'],
  });
  relay.unref();
  const joined = Promise.withResolvers<void>();
  const fail = (): void =>
    joined.reject(new EngineError('unavailable', 'cannot hand over the terminal: its relay ended'));
  relay.once('error', fail);
  relay.once('exit', fail);
  relay.stdio[readyFd]?.once('data', () => joined.resolve());
  await joined.promise;
  relay.stdio[readyFd]?.destroy();
}

/** The relay itself, a leader of its own session whose stdio is the terminal that was made for it. */
export async function relayConsole(taskDir: string): Promise<void> {
  takeControl(0);
  using control = await connectShim(taskDir);
  await control.status;
  const streams = { terminal: true, stdin: true };
  const attachment = await attachStreams(taskDir, streams, (_, bytes) => writeAll(1, bytes));
  using _terminal = joinTerminal(control, true);
  // Whoever had the master has closed it: to the process its terminal is gone.
  process.once('SIGHUP', () => control.signal(hangUp, false));
  writeSync(readyFd, '.');
  closeSync(readyFd);
  void pumpInput(attachment);
  await attachment.ended;
}
