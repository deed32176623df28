import { type EngineError, type ErrorCode, isEngineError } from '@gantry/base';

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

/** What the client is told: the message, and the hint under it when there is one. */
export function messageOfError(error: unknown): string {
  if (isEngineError(error)) return withHint(error);
  return error instanceof Error ? error.message : String(error);
}

function withHint(error: EngineError): string {
  return error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
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
