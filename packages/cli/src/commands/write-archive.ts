import { flagText, type ParsedFlags } from '@gantry/base';
import { CliError } from '../cli-error.ts';
import { disk, fileFailure } from '../disk.ts';
import type { Session } from '../session.ts';
import { isTerminal } from '../terminal.ts';

/**
 * Writes an archive where `--output` says, or to standard output if that is no terminal. A file appears under its name
 * when it is whole.
 *
 * @param ask is called once it is sure that the archive can go somewhere
 * @throws CliError with Docker's texts
 */
export async function writeArchive(
  { session, flags, verb }: { session: Session; flags: ParsedFlags; verb: string },
  ask: () => Promise<AsyncIterable<Uint8Array>>,
): Promise<void> {
  const path = flagText(flags, 'output') ?? '';
  if (path !== '') return await writeFile(path, verb, ask);
  if (isTerminal(1)) {
    throw new CliError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
  }
  for await (const piece of await ask()) {
    session.out.write(piece);
    await session.out.flush();
  }
}

async function writeFile(path: string, verb: string, ask: () => Promise<AsyncIterable<Uint8Array>>): Promise<void> {
  const fs = disk();
  checkPath(path, verb);
  const bytes = await ask();
  const temporary = `${path}.${process.pid}.part`;
  const fd = fs.openSync(temporary, 'wx', 0o600);
  try {
    for await (const piece of bytes) writeAll(fd, piece);
    fs.renameSync(temporary, path);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  } finally {
    fs.closeSync(fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += disk().writeSync(fd, bytes, done);
}

function checkPath(path: string, verb: string): void {
  const fs = disk();
  const directory = path.includes('/') ? path.replace(/\/[^/]*$/, '') || '/' : '.';
  try {
    fs.statSync(directory);
  } catch (error) {
    throw new CliError(`failed to ${verb}: invalid output path: ${fileFailure('stat', directory, error)}`);
  }
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.isFile()) return;
  const what = stat.isDirectory() ? 'cannot write to a directory' : 'cannot write to a device';
  throw new CliError(`failed to ${verb}: ${what}`);
}
