/** Closed set of failure kinds. A door maps each to an HTTP status, a gRPC status or an exit code; meanings never change. */
export type ErrorCode =
  | 'invalid'
  | 'not-found'
  | 'conflict'
  | 'denied'
  | 'unsupported'
  | 'unavailable'
  | 'cancelled'
  | 'internal';

/**
 * The one error class for everything a user or client can cause or mend.
 *
 * The message reads "cannot *verb* *what* "*which*": *why*": lower case, no full stop, no secret in it.
 * Where Docker's clients match a text, the message is exactly that text.
 */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: ErrorCode;
  /** How to mend it; a command when it can be one. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** Tells whether a caught value is an EngineError, of one of the codes when any are given. */
export function isEngineError(error: unknown, ...codes: ErrorCode[]): error is EngineError {
  return error instanceof EngineError && (codes.length === 0 || codes.includes(error.code));
}

/** The text of any thrown value, for a message or a log line. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Tells whether a caught value is a system error of that name, `ENOENT`. */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
