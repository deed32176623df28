import { CliError } from '../cli-error.ts';

/** One side of `cp`: a path in a container, a path here, or a stream. */
export type CopyEnd = { readonly container: string; readonly path: string };

/** `web:/etc` is in a container; what begins like a path of this machine is one, colon or not. */
export function parseCopyEnd(text: string): CopyEnd {
  const colon = text.indexOf(':');
  if (text.startsWith('/') || text.startsWith('.') || colon < 0) return { container: '', path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

const endsWithSlash = (path: string): boolean => path.endsWith('/');
/** `/.` at the end means the content of a directory. */
const meansContent = (path: string): boolean => path === '.' || path.endsWith('/.');
/** Only a directory can be called so. */
const assertsDirectory = (path: string): boolean => endsWithSlash(path) || meansContent(path);

/** Resolves dots on paper. */
function clean(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part === '..' && path.startsWith('/')) continue;
    else if (part !== '' && part !== '.') parts.push(part);
  }
  const text = parts.join('/');
  return path.startsWith('/') ? `/${text}` : text || '.';
}

/** The last name of a path: `.` of nothing, `/` of the root. */
export function baseName(path: string): string {
  return path === ''
    ? '.'
    : path.replace(/(.)\/+$/, '$1') === '/'
      ? '/'
      : (path.replace(/\/+$/, '').split('/').at(-1) ?? '');
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '.' : clean(path.slice(0, slash) || '/');
}

/** A path as the directory and the name in it; the name is `.` for the content of a directory. */
export function splitEntry(path: string): { readonly directory: string; readonly name: string } {
  const cleaned = meansContent(path) ? `${clean(path).replace(/\/$/, '')}/.` : clean(path);
  return { directory: parentOf(cleaned), name: baseName(cleaned) };
}

/** A path made absolute, with the end that says what is meant. */
export function absolutePath(path: string, workingDirectory: string): string {
  const whole = clean(path.startsWith('/') ? path : `${workingDirectory}/${path}`);
  if (meansContent(path)) return `${whole.replace(/\/$/, '')}/.`;
  return endsWithSlash(path) && whole !== '/' ? `${whole}/` : whole;
}

/** Where a link leads, when its text is relative to the directory it is in. */
export function linkedPath(path: string, target: string): string {
  return target.startsWith('/') ? target : clean(`${splitEntry(path).directory}/${target}`);
}

/**
 * After a link was followed: the path with the end that was asked for, and the name that the copy keeps, if following
 * it changed the name.
 */
export function rebaseName(asked: string, resolved: string): { readonly path: string; readonly rename: string } {
  const content = meansContent(asked) && !meansContent(resolved) ? `${resolved}/.` : resolved;
  const path = endsWithSlash(asked) && !endsWithSlash(content) ? `${content}/` : content;
  return { path, rename: baseName(asked) === baseName(path) ? '' : baseName(asked) };
}

export type CopySource = { readonly path: string; readonly isDirectory: boolean; readonly rename: string };
export type CopyTarget = { readonly path: string; readonly exists: boolean; readonly isDirectory: boolean };

/** Where an archive is unpacked, and what its top name becomes there; `rename` undefined: it stays. */
export type CopyPlan = { readonly directory: string; readonly from: string; readonly rename: string | undefined };

/**
 * Decides what `cp` does, for both directions alike: into a directory that is there goes the source under its own name;
 * anything else becomes the target.
 *
 * @throws CliError with Docker's texts
 */
export function planCopy(source: CopySource, target: CopyTarget): CopyPlan {
  const from = source.rename === '' ? splitEntry(source.path).name : source.rename;
  if (target.exists && target.isDirectory) return { directory: target.path, from, rename: undefined };
  if (target.exists && source.isDirectory) throw new CliError('cannot copy directory');
  if (!target.exists && !source.isDirectory && assertsDirectory(target.path)) throw new CliError('no such directory');
  const { directory, name } = splitEntry(target.path);
  return { directory, from, rename: name };
}
