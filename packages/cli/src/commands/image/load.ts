import { routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation, textFlag } from '../../command.ts';
import { disk, fileFailure } from '../../disk.ts';
import { printProgress } from '../../progress.ts';
import { isTerminal } from '../../terminal.ts';
import { wirePlatforms } from './platform-flag.ts';

export const loadCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    textFlag('input', 'Read from a tar archive instead of STDIN', { short: 'i' }),
    textFlag('platform', 'Load one platform only, "os[/arch[/variant]]" (e.g., "linux/amd64")'),
    boolFlag('quiet', 'Say nothing while loading', { short: 'q' }),
  ],
  arity: { min: 0, max: 0 },
  words: 'file',
  run: load,
};

async function load({ session, flags }: Invocation): Promise<void> {
  const path = flagText(flags, 'input') ?? '';
  if (path === '' && isTerminal(0)) throw new CliError('requested load from stdin, but stdin is empty');
  const bytes = path === '' ? Bun.stdin.stream() : readArchive(path);
  const quiet = flagBool(flags, 'quiet') || !isTerminal(1);
  const query = { quiet, platform: wirePlatforms(flags) };
  const messages = await session.engine.lines(routes.imageLoad, { query }, { type: 'application/x-tar', bytes });
  await printProgress(messages, session.out);
}

/** A file as a stream; what cannot be opened is told before the engine is asked. */
export function readArchive(path: string): AsyncIterable<Uint8Array> {
  const fs = disk();
  let descriptor: number;
  try {
    descriptor = fs.openSync(path, 'r');
    if (fs.fstatSync(descriptor).isDirectory()) throw Object.assign(new Error('not a file'), { code: 'EISDIR' });
  } catch (error) {
    throw new CliError(fileFailure('open', path, error));
  }
  return Bun.file(descriptor).stream();
}
