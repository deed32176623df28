import { type execConfig, routes, type ValueOf } from '@gantry/api';
import { flagBool, flagList, flagText } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { anyNumber, boolFlag, type Command, type Invocation, listFlag, textFlag } from '../../command.ts';
import { requestSource } from '../../disk.ts';
import { checkEnv, collectEnv } from '../../request/environment.ts';
import type { Session } from '../../session.ts';
import { streamContainer } from '../../stream/container-stream.ts';
import { parseDetachKeys } from '../../stream/detach-keys.ts';
import { followTerminalSize } from '../../stream/resize.ts';
import { isTerminal, terminalSize } from '../../terminal.ts';

export const execCommand: Command = {
  usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  flags: [
    boolFlag('detach', 'Run the command in the background', { short: 'd' }),
    textFlag('detach-keys', 'Keys that detach from the command'),
    listFlag('env', 'Set environment variables', { short: 'e', check: checkEnv }),
    listFlag('env-file', 'Read environment variables from a file'),
    boolFlag('interactive', 'Keep STDIN open even if not attached', { short: 'i' }),
    boolFlag('privileged', 'Give the command extended privileges'),
    boolFlag('tty', 'Allocate a pseudo-TTY', { short: 't' }),
    textFlag('user', 'User name or UID (format: "<name|uid>[:<group|gid>]")', { short: 'u' }),
    textFlag('workdir', 'Working directory inside the container', { short: 'w' }),
  ],
  arity: { min: 2, max: anyNumber },
  words: 'container',
  interspersed: false,
  run: execInContainer,
};

type ExecRequest = ValueOf<typeof execConfig>;

async function execInContainer(call: Invocation): Promise<number> {
  const { session, flags, words } = call;
  const request = execRequest(call);
  const keys = parseDetachKeys(request.detachKeys);
  if (request.tty && request.attachStdin && !isTerminal(0)) {
    // An exec that is never started would stay with the engine, so a terminal that is none is refused before one is made;
    // a container that does not exist is the more useful complaint of the two.
    await session.engine.call(routes.containerInspect, { path: { id: words[0] ?? '' } });
    throw new CliError('the input device is not a TTY');
  }
  const { Id: id } = await session.engine.call(routes.execCreate, { path: { id: words[0] ?? '' }, body: request });
  const { tty, consoleSize } = request;
  const isDetached = flagBool(flags, 'detach');
  const start = { path: { id }, body: { detach: isDetached, tty, consoleSize } };
  const connection = await session.engine.upgrade(routes.execStart, start);
  if (isDetached) return 0;
  using _size = tty && isTerminal(0) ? followExecSize(session, id) : undefined;
  const { out, err } = session;
  const end = await streamContainer({
    connection,
    out,
    err,
    isTty: tty,
    sendsInput: request.attachStdin,
    detachKeys: keys,
  });
  if (end === 'detached') throw new CliError('read escape sequence');
  const result = await session.engine.call(routes.execInspect, { path: { id } });
  return result.ExitCode ?? 0;
}

function execRequest({ session, flags, words }: Invocation): ExecRequest {
  const tty = flagBool(flags, 'tty');
  const isDetached = flagBool(flags, 'detach');
  const size = tty ? terminalSize(1) : undefined;
  const source = requestSource(session.environment);
  return {
    user: flagText(flags, 'user') ?? '',
    privileged: flagBool(flags, 'privileged'),
    tty,
    consoleSize: size === undefined ? undefined : [size.rows, size.columns],
    attachStdin: !isDetached && flagBool(flags, 'interactive'),
    attachStdout: !isDetached,
    attachStderr: !isDetached,
    detachKeys: flagText(flags, 'detach-keys') ?? '',
    env: collectEnv(flagList(flags, 'env-file'), flagList(flags, 'env'), source),
    workingDir: flagText(flags, 'workdir') ?? '',
    cmd: words.slice(1),
  };
}

function followExecSize(session: Session, id: string): Disposable {
  return followTerminalSize(({ rows, columns }) =>
    session.engine.call(routes.execResize, { path: { id }, query: { rows, columns } }),
  );
}
