import type { EngineError, ErrorCode } from '@gantry/base';

/**
 * What ends a command: one message on stderr and an exit code.
 *
 * An empty message prints nothing: the container's own exit code is passed on that way.
 */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;
  /** Printed on a line of its own after the message. */
  readonly hint: string | undefined;
  /** The same for people only: programs read from us what they would read from Docker. */
  readonly advice: string | undefined;

  constructor(message: string, options: { exitCode?: number; hint?: string; advice?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
    this.hint = options.hint;
    this.advice = options.advice;
  }
}

/** What the engine refused, in its own words. */
export class EngineReplyError extends CliError {
  readonly code: ErrorCode;
  /** The engine's sentence alone. */
  readonly reason: string;

  constructor(failure: EngineError) {
    const advice = failure.hint === undefined ? {} : { advice: failure.hint };
    super(`Error response from daemon: ${failure.message}`, { ...advice, cause: failure });
    this.code = failure.code;
    this.reason = failure.message;
  }
}
