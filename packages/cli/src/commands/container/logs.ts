import { routes } from '@gantry/api';
import { flagBool, flagText, messageOf, type ParsedFlags } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation, textFlag } from '../../command.ts';
import { parseMoment } from '../../request/timestamps.ts';
import { FrameReader } from '../../stream/frames.ts';

const moment = '(e.g. "2013-01-02T13:23:37Z") or a span (e.g. "42m" for 42 minutes)';

export const logsCommand: Command = {
  usage: '[OPTIONS] CONTAINER',
  flags: [
    boolFlag('details', 'Show extra details provided to logs'),
    boolFlag('follow', 'Follow log output', { short: 'f' }),
    textFlag('since', `Show logs since a time ${moment}`),
    textFlag('tail', 'Number of lines to show from the end of the logs', { short: 'n', default: '"all"' }),
    boolFlag('timestamps', 'Show timestamps', { short: 't' }),
    textFlag('until', `Show logs before a time ${moment}`),
  ],
  arity: { min: 1, max: 1 },
  words: 'container',
  run: showLogs,
};

async function showLogs({ session, flags, words }: Invocation): Promise<void> {
  const { out, err, engine } = session;
  const container = await engine.call(routes.containerInspect, { path: { id: words[0] ?? '' } });
  const query = {
    stdout: true,
    stderr: true,
    follow: flagBool(flags, 'follow'),
    timestamps: flagBool(flags, 'timestamps'),
    details: flagBool(flags, 'details'),
    tail: flagText(flags, 'tail') ?? 'all',
    sinceNanos: momentOf(flags, 'since'),
    untilNanos: momentOf(flags, 'until'),
  };
  const { bytes } = await engine.bytes(routes.containerLogs, { path: { id: container.Id }, query });
  const frames = new FrameReader((kind, piece) => (kind === 'stderr' ? err : out).write(piece));
  const isTty = container.Config.Tty === true;
  for await (const piece of bytes) {
    if (isTty) out.write(piece);
    else frames.push(piece);
    await out.flush();
    await err.flush();
  }
}

function momentOf(flags: ParsedFlags, name: string): bigint {
  const text = flagText(flags, name) ?? '';
  if (text === '') return 0n;
  try {
    return parseMoment(text, Date.now());
  } catch (error) {
    throw new CliError(`invalid value for "${name}": ${messageOf(error)}`, { cause: error });
  }
}
