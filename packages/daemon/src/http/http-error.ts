import { type ErrorCode, isEngineError, messageOf } from '@gantry/base';

/** A request that breaks HTTP itself. The connection is closed after the answer, since nobody knows where it stands. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const statusOfCode: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  denied: 403,
  'not-found': 404,
  conflict: 409,
  // Nobody reads it: the client is gone. nginx's number for exactly that.
  cancelled: 499,
  internal: 500,
  unsupported: 501,
  unavailable: 503,
};

/** The one place that maps failures to HTTP. */
export function statusOfError(error: unknown): number {
  if (error instanceof HttpError) return error.status;
  return isEngineError(error) ? statusOfCode[error.code] : 500;
}

/**
 * The document of a failure. The message is exactly the error's, since clients match Docker's texts; how to mend it
 * stands beside it, where Docker's clients do not look and ours does.
 */
export function failureDocument(error: unknown): { message: string; hint?: string } {
  const hint = isEngineError(error) ? error.hint : undefined;
  return { message: messageOf(error), ...(hint === undefined ? {} : { hint }) };
}

const reasons: Readonly<Record<number, string>> = {
  100: 'Continue',
  101: 'UPGRADED',
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Request Entity Too Large',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  499: 'Client Closed Request',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
};

export function reasonOf(status: number): string {
  return reasons[status] ?? 'Unknown';
}
