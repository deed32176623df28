import { constants } from 'node:os';

const codes = new Map<number, string>(Object.entries(constants.errno).map(([code, errno]) => [errno, code]));
// Two names share a number on Linux; callers compare with the common one.
codes.set(constants.errno.EAGAIN, 'EAGAIN');
codes.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');
// Bun's table stops at EXFULL's neighbours; these are met by container work.
for (const [code, errno] of [
  ['ELOOP', 40],
  ['ENODATA', 61],
  ['ESTALE', 116],
  ['EDQUOT', 122],
  ['EKEYREJECTED', 129],
] as const)
  codes.set(errno, code);

/** The name of an errno: `ENOENT`; a number without a name reads `E999`. */
export function errnoName(errno: number): string {
  return codes.get(errno) ?? `E${errno}`;
}

/**
 * A system call that failed. Callers compare `code`, as with Node's own errors, and turn it into an EngineError that
 * says what could not be done.
 */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly code: string;
  readonly syscall: string;
  readonly errno: number;
  readonly path: string | undefined;

  constructor(syscall: string, errno: number, path?: string) {
    const code = errnoName(errno);
    super(path === undefined ? `${code}: ${syscall}` : `${code}: ${syscall} "${path}"`);
    this.code = code;
    this.syscall = syscall;
    this.errno = errno;
    this.path = path;
  }
}

/** Tells whether a caught value is a SystemError, with one of the codes when any are given. */
export function isSystemError(error: unknown, ...wanted: readonly string[]): error is SystemError {
  return error instanceof SystemError && (wanted.length === 0 || wanted.includes(error.code));
}
