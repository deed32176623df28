import { type ContainerInspectWire, routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { anyNumber, boolFlag, type Command, type Invocation, textFlag } from '../../command.ts';
import { streamContainer } from '../../stream/container-stream.ts';
import { parseDetachKeys } from '../../stream/detach-keys.ts';
import { followSize, signalsTo } from './run.ts';
import { waitForExit } from './wait-exit.ts';

export const startCommand: Command = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: [
    boolFlag('attach', 'Attach STDOUT and STDERR and pass signals on', { short: 'a' }),
    textFlag('detach-keys', 'Keys that detach from the container'),
    boolFlag('interactive', "Attach the container's STDIN", { short: 'i' }),
  ],
  arity: { min: 1, max: anyNumber },
  words: 'container',
  run: async (call) => {
    if (flagBool(call.flags, 'attach') || flagBool(call.flags, 'interactive')) return startAttached(call);
    await startAll(call);
    return 0;
  },
};

async function startAll({ session, words }: Invocation): Promise<void> {
  const failed: string[] = [];
  for (const id of words) {
    try {
      await session.engine.call(routes.containerStart, { path: { id } });
      session.out.line(id);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      session.err.line(error.message);
      failed.push(id);
    }
  }
  if (failed.length > 0) throw new CliError(`Error: failed to start containers: ${failed.join(', ')}`);
}

async function startAttached({ session, flags, words }: Invocation): Promise<number> {
  if (words.length > 1) throw new CliError('you cannot start and attach multiple containers at once');
  const keys = parseDetachKeys(flagText(flags, 'detach-keys') ?? '');
  const container = await session.engine.call(routes.containerInspect, { path: { id: words[0] ?? '' } });
  const path = { id: container.Id };
  const isTty = container.Config.Tty === true;
  const stdin = flagBool(flags, 'interactive') && container.Config.OpenStdin === true;
  using _signals = isTty ? undefined : signalsTo(session, container.Id);
  const [connection, wait] = await Promise.all([
    session.engine.upgrade(routes.containerAttach, {
      path,
      query: { stream: true, stdin, stdout: true, stderr: true },
    }),
    waitForExit(session, container.Id, isAutoRemoved(container) ? 'removed' : 'next-exit'),
  ]);
  const { out, err } = session;
  const stream = streamContainer({ connection, out, err, isTty, sendsInput: stdin, detachKeys: keys });
  try {
    await session.engine.call(routes.containerStart, { path });
  } catch (error) {
    connection.close();
    throw error;
  }
  using _size = isTty ? followSize(session, container.Id) : undefined;
  return (await stream) === 'detached' ? 0 : await wait.exitCode;
}

function isAutoRemoved(container: ContainerInspectWire): boolean {
  return container.HostConfig.AutoRemove === true;
}
