import { CliError } from '../cli-error.ts';
import { disk, fileFailure } from '../disk.ts';
import { type CopySource, type CopyTarget, linkedPath, rebaseName, splitEntry } from './copy-paths.ts';

/**
 * Looks at a path of this machine that is to be copied. A link at its end is followed only when that is asked for.
 *
 * @throws CliError as Go words it
 */
export function localSource(path: string, follow: boolean): CopySource {
  const fs = disk();
  const { directory, name } = splitEntry(path);
  try {
    if (follow) {
      const resolved = rebaseName(path, fs.realpathSync(path));
      return { ...resolved, isDirectory: fs.lstatSync(resolved.path).isDirectory() };
    }
    const isDirectory = fs.lstatSync(path).isDirectory();
    return { path: `${fs.realpathSync(directory).replace(/\/$/, '')}/${name}`, isDirectory, rename: '' };
  } catch (error) {
    throw new CliError(fileFailure('lstat', path, error), { cause: error });
  }
}

/** Looks at a path of this machine that is copied to; links at its end are followed, wherever they lead. */
export function localTarget(path: string): CopyTarget {
  const fs = disk();
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat !== undefined) return { path, exists: true, isDirectory: stat.isDirectory() };
  const isDangling = fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return { path: isDangling ? linkedPath(path, fs.readlinkSync(path)) : path, exists: false, isDirectory: false };
}

/** Refuses what nothing can be written to before the engine is asked. @throws CliError with Docker's texts */
export function checkOutputPath(path: string): void {
  const fs = disk();
  const { directory } = splitEntry(path.replace(/\/\.?$/, '') || '/');
  if (fs.statSync(directory, { throwIfNoEntry: false }) === undefined)
    throw new CliError(`invalid output path: directory ${JSON.stringify(directory)} does not exist`);
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.isDirectory() || stat.isFile()) return;
  throw new CliError(`invalid output path: ${JSON.stringify(path)} must be a directory or a regular file`);
}
