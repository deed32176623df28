import type { RequestSource } from './request/container-request.ts';

/**
 * Node's file system, loaded when a command first needs it: most never do, and loading it costs a millisecond.
 */
export function disk(): typeof import('node:fs') {
  return process.getBuiltinModule('node:fs');
}

/** What the pure request builder may ask of this machine. */
export function requestSource(environment: RequestSource['environment']): RequestSource {
  return {
    environment,
    readFile: (path) => readNamedFile(path),
    absolute: (path) => process.getBuiltinModule('node:path').resolve(path),
  };
}

/** Reads a file that a flag names; the error reads as Go's, `open x: no such file or directory`. */
function readNamedFile(path: string): string {
  try {
    return disk().readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(fileFailure('open', path, error), { cause: error });
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  EEXIST: 'file exists',
};

/** A file error as Go prints it. */
export function fileFailure(verb: string, path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const plain = error instanceof Error ? error.message : String(error);
  return `${verb} ${path}: ${reasons[code] ?? plain}`;
}
