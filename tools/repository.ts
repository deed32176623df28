import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The checkout this tool lies in. */
export const repositoryRoot = resolve(import.meta.dirname, '..');

/** A text file of the repository, its path relative to the root. */
export type TextFile = { readonly path: string; readonly text: string };

const maxTextBytes = 4 * 2 ** 20;

/**
 * Lists what belongs to the repository: committed files and new ones that git does not ignore, so that a check made
 * before a commit sees what the commit would hold. Files that were deleted but not yet committed are left out.
 */
export function listRepositoryFiles(): string[] {
  const listing = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: repositoryRoot,
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  });
  if (listing.status !== 0) throw new Error(`cannot list the files of "${repositoryRoot}": ${listing.stderr.trim()}`);
  return listing.stdout.split('\0').filter((path) => path !== '' && isSmallFile(path));
}

/** Reads those of `paths` that hold text; a NUL byte means it does not. */
export function readTextFiles(paths: readonly string[]): TextFile[] {
  return paths
    .map((path) => ({ path, text: readFileSync(join(repositoryRoot, path), 'utf8') }))
    .filter((file) => !file.text.includes('\0'));
}

function isSmallFile(path: string): boolean {
  const stat = statSync(join(repositoryRoot, path), { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size <= maxTextBytes;
}
