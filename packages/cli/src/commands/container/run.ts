import { routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { anyNumber, boolFlag, type Command, type Invocation, textFlag } from '../../command.ts';
import { requestSource } from '../../disk.ts';
import { type ContainerRequest, containerRequest } from '../../request/container-request.ts';
import type { Session } from '../../session.ts';
import { streamContainer } from '../../stream/container-stream.ts';
import { parseDetachKeys } from '../../stream/detach-keys.ts';
import { followTerminalSize } from '../../stream/resize.ts';
import { proxySignals } from '../../stream/signal-proxy.ts';
import { isTerminal, terminalSize } from '../../terminal.ts';
import { containerFlags, pullFlag } from './container-flags.ts';
import { createContainer } from './create-container.ts';
import { startFailure } from './start-failure.ts';
import { waitForExit } from './wait-exit.ts';

export const runCommand: Command = {
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  flags: [
    ...containerFlags,
    pullFlag('running'),
    boolFlag('detach', 'Run the container in the background and print its ID', { short: 'd' }),
    textFlag('detach-keys', 'Keys that detach from the container'),
    boolFlag('sig-proxy', 'Pass signals on to the process', { default: 'true' }),
  ],
  arity: { min: 1, max: anyNumber },
  words: 'image',
  interspersed: false,
  run: runContainer,
};

async function runContainer(call: Invocation): Promise<number> {
  const { session, flags } = call;
  const body = attachmentOf(call, readRequest(call));
  const keys = parseDetachKeys(flagText(flags, 'detach-keys') ?? '');
  const { config, hostConfig } = body;
  const isAttached = config.attachStdin || config.attachStdout || config.attachStderr;
  try {
    // Attaching, waiting and starting each need a connection; opened now, they are there when the ID is.
    const warm = isAttached ? [session.engine.warm(), session.engine.warm()] : [];
    const [id] = await Promise.all([createContainer(session, flags, body), ...warm]);
    if (!isAttached) {
      await session.engine.call(routes.containerStart, { path: { id } });
      session.out.line(id);
      return 0;
    }
    const condition = hostConfig.autoRemove ? 'removed' : 'next-exit';
    return await runAttached({
      session,
      id,
      config,
      keys,
      condition,
      proxies: flags.values.get('sig-proxy')?.at(-1) !== 'false',
    });
  } catch (error) {
    throw startFailure(error, call.calledAs);
  }
}

/** The request that the flags make. @throws CliError that names the help page, exit code 125 */
export function readRequest(call: Invocation): ContainerRequest {
  const [image = '', ...command] = call.words;
  try {
    const pull = flagText(call.flags, 'pull') ?? '';
    if (!['', 'always', 'missing', 'never'].includes(pull)) {
      throw new Error(`invalid pull option: '${pull}': must be one of "always", "missing" or "never"`);
    }
    return containerRequest(call.flags, { image, command }, requestSource(call.session.environment));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(`${call.session.program}: ${why}\n\nRun '${call.calledAs} --help' for more information`, {
      exitCode: 125,
      cause: error,
    });
  }
}

/** Settles what `--detach` and a terminal mean for the streams. */
function attachmentOf({ flags }: Invocation, body: ContainerRequest): ContainerRequest {
  const { config } = body;
  if (flagBool(flags, 'detach')) {
    if (flags.values.has('attach'))
      throw new CliError('conflicting options: cannot specify both --attach and --detach');
    const detached = { attachStdin: false, attachStdout: false, attachStderr: false, stdinOnce: false };
    return { ...body, config: { ...config, ...detached } };
  }
  if (!config.tty) return body;
  if (config.attachStdin && !isTerminal(0)) throw new CliError('the input device is not a TTY');
  const size = terminalSize(1);
  if (size === undefined) return body;
  return { ...body, hostConfig: { ...body.hostConfig, consoleSize: [size.rows, size.columns] } };
}

type AttachedRun = {
  readonly session: Session;
  readonly id: string;
  readonly config: ContainerRequest['config'];
  readonly keys: readonly number[];
  readonly condition: 'removed' | 'next-exit';
  readonly proxies: boolean;
};

async function runAttached({ session, id, config, keys, condition, proxies }: AttachedRun): Promise<number> {
  const path = { id };
  using _signals = proxies ? signalsTo(session, id) : undefined;
  const { attachStdin: stdin, attachStdout: stdout, attachStderr: stderr } = config;
  const [connection, wait] = await Promise.all([
    session.engine.upgrade(routes.containerAttach, { path, query: { stream: true, stdin, stdout, stderr } }),
    waitForExit(session, id, condition),
  ]);
  const { out, err } = session;
  const stream = streamContainer({ connection, out, err, isTty: config.tty, sendsInput: stdin, detachKeys: keys });
  try {
    await session.engine.call(routes.containerStart, { path });
  } catch (error) {
    connection.close();
    // With --rm the engine removes what could not start; waiting leaves nothing behind when we return.
    if (condition === 'removed') await wait.exitCode;
    throw error;
  }
  using _size = config.tty ? followSize(session, id) : undefined;
  if (!stdout && !stderr) {
    const first = await Promise.race([wait.exitCode, stream]);
    return first === 'detached' ? 0 : await wait.exitCode;
  }
  return (await stream) === 'detached' ? 0 : await wait.exitCode;
}

/** Passes signals on to a container; three times ctrl-c ends the client instead. */
export function signalsTo(session: Session, id: string): Disposable {
  const send = (signal: string): Promise<unknown> =>
    session.engine.call(routes.containerKill, { path: { id }, query: { signal } });
  return proxySignals(send, () => {
    session.err.line('\ngot 3 SIGTERM/SIGINTs, forcefully exiting');
    void session.err.flush().then(() => process.exit(1));
  });
}

/** Keeps a container's terminal as large as ours. */
export function followSize(session: Session, id: string): Disposable {
  return followTerminalSize(({ rows, columns }) =>
    session.engine.call(routes.containerResize, { path: { id }, query: { rows, columns } }),
  );
}
