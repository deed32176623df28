import { posix } from 'node:path';
import { EngineError } from '@gantry/base';
import { fstat, isSystemError, openat2, openDescriptor, openFlag, readlinkat, resolveFlag } from '@gantry/native';
import type { OpenView } from './open-view.ts';

/** What `docker cp` asks of a path inside a container. Times are Unix nanoseconds. */
export type PathStat = {
  readonly name: string;
  readonly sizeBytes: number;
  /** Type and permissions as the kernel has them. */
  readonly mode: number;
  readonly modifiedNs: bigint;
  /** Where a symbolic link leads, as far as it can be followed; '' for anything else. */
  readonly linkTarget: string;
};

const inRoot = resolveFlag.inRoot | resolveFlag.noMagicLinks;
const decoder = new TextDecoder();

/**
 * Cleans a path of a client as Docker does: made absolute, dots worked out on paper, but an end of `/` or `/.` kept,
 * since it says that a directory is meant.
 */
export function cleanClientPath(path: string): string {
  const clean = posix.join('/', path).replace(/(.)\/$/, '$1');
  const end = /(^|\/)\.$/.test(path) ? '.' : path.endsWith('/') ? '' : undefined;
  if (end === undefined || clean === '/') return clean;
  return `${clean}/${end}`;
}

/** The last name of a path: `.` of `/a/.`, `/` of `/`. */
export function baseOf(path: string): string {
  return path === '/' ? '/' : (path.replace(/\/$/, '').split('/').at(-1) ?? '');
}

/** A handle on what a cleaned path names, without following a link at its end unless a slash follows. The caller's. */
export function openPath(root: number, path: string): number {
  try {
    return openat2(root, path, { flags: openFlag.path | openFlag.noFollow, resolve: inRoot });
  } catch (error) {
    throw pathFailure(error, path);
  }
}

/** @throws not-found with `no such file`, which the caller words; internal with Docker's texts for the rest */
function pathFailure(error: unknown, path: string): unknown {
  if (isSystemError(error, 'ENOENT')) return new EngineError('not-found', `lstat ${path}: no such file or directory`);
  if (isSystemError(error, 'ENOTDIR')) return new EngineError('internal', `lstat ${path}: not a directory`);
  if (isSystemError(error, 'ELOOP'))
    return new EngineError('internal', `lstat ${path}: too many levels of symbolic links`);
  if (isSystemError(error, 'ENAMETOOLONG')) return new EngineError('internal', `lstat ${path}: file name too long`);
  return error;
}

const typeMask = 0o170000;
const symlinkType = 0o120000;

/** Looks at a path of a client. @throws not-found, internal */
export function statPath(view: OpenView, clientPath: string): PathStat {
  const path = cleanClientPath(clientPath);
  using node = openDescriptor(openPath(view.root, path));
  const { mode, sizeBytes, modifiedNs } = fstat(node.fd);
  const isLink = (mode & typeMask) === symlinkType;
  return {
    name: baseOf(path),
    sizeBytes,
    mode,
    modifiedNs,
    linkTarget: isLink ? followLink(view, path, decoder.decode(readlinkat(node.fd, ''))) : '',
  };
}

const mostLinks = 40;

/** Follows a link to where it ends; one that leads nowhere, as far as it can be read. */
function followLink(view: OpenView, path: string, text: string): string {
  try {
    using end = openDescriptor(openat2(view.root, path, { flags: openFlag.path, resolve: inRoot }));
    return insidePath(view, end.fd);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
  }
  let target = posix.resolve(posix.dirname(path), text);
  for (let links = 0; links < mostLinks; links++) {
    const next = readLinkAt(view.root, target);
    if (next === undefined) return target;
    target = posix.resolve(posix.dirname(target), next);
  }
  return target;
}

function readLinkAt(root: number, path: string): string | undefined {
  try {
    using node = openDescriptor(openat2(root, path, { flags: openFlag.path | openFlag.noFollow, resolve: inRoot }));
    return decoder.decode(readlinkat(node.fd, ''));
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** The path of an open node, seen from the view's root; asked of the kernel, which knows it whatever was renamed. */
export function insidePath({ target }: Pick<OpenView, 'target'>, fd: number): string {
  const path = decoder.decode(readlinkat(-100, `/proc/thread-self/fd/${fd}`));
  return path === target ? '/' : path.slice(target.length);
}
