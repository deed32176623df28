import { type ContainerInspectWire, routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation, textFlag } from '../../command.ts';
import type { Session } from '../../session.ts';
import { streamContainer } from '../../stream/container-stream.ts';
import { parseDetachKeys } from '../../stream/detach-keys.ts';
import { isTerminal, terminalSize } from '../../terminal.ts';
import { followSize, signalsTo } from './run.ts';
import { waitForExit } from './wait-exit.ts';

export const attachCommand: Command = {
  usage: '[OPTIONS] CONTAINER',
  flags: [
    textFlag('detach-keys', 'Keys that detach from the container'),
    boolFlag('no-stdin', 'Do not attach STDIN'),
    boolFlag('sig-proxy', 'Pass all signals on to the process', { default: 'true' }),
  ],
  arity: { min: 1, max: 1 },
  words: 'container',
  run: attachContainer,
};

async function attachContainer({ session, flags, words }: Invocation): Promise<number> {
  const keys = parseDetachKeys(flagText(flags, 'detach-keys') ?? '');
  const container = await session.engine.call(routes.containerInspect, { path: { id: words[0] ?? '' } });
  checkAttachable(container);
  const isTty = container.Config.Tty === true;
  const wantsInput = !flagBool(flags, 'no-stdin');
  if (wantsInput && isTty && !isTerminal(0)) throw new CliError('the input device is not a TTY');
  const stdin = wantsInput && container.Config.OpenStdin === true;
  const proxies = flagText(flags, 'sig-proxy') !== 'false' && !isTty;
  using _signals = proxies ? signalsTo(session, container.Id) : undefined;
  const path = { id: container.Id };
  const query = { stream: true, stdin, stdout: true, stderr: true };
  const [connection, wait] = await Promise.all([
    session.engine.upgrade(routes.containerAttach, { path, query }),
    waitForExit(session, container.Id, 'not-running'),
  ]);
  if (isTty) await nudgeSize(session, container.Id);
  using _size = isTty ? followSize(session, container.Id) : undefined;
  const { out, err } = session;
  const end = await streamContainer({ connection, out, err, isTty, sendsInput: stdin, detachKeys: keys });
  if (end === 'detached') throw new CliError('read escape sequence');
  return await wait.exitCode;
}

function checkAttachable({ State }: ContainerInspectWire): void {
  if (!State.Running) throw new CliError('You cannot attach to a stopped container, start it first');
  if (State.Paused) throw new CliError('You cannot attach to a paused container, unpause it first');
  if (State.Restarting) throw new CliError('You cannot attach to a restarting container, wait until it is running');
}

/** Resizes to what the terminal is not, so that the true size is a change and whoever runs there draws its prompt anew. */
async function nudgeSize(session: Session, id: string): Promise<void> {
  const size = terminalSize(1);
  if (size === undefined) return;
  try {
    const query = { rows: size.rows + 1, columns: size.columns + 1 };
    await session.engine.call(routes.containerResize, { path: { id }, query });
  } catch (error) {
    // It has just ended: the stream that follows says so better.
    if (!(error instanceof CliError)) throw error;
  }
}
