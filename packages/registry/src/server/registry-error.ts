/** The error codes of the distribution specification, and two for what it leaves open, each with its usual status. */
export const errorStatuses = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  TAG_INVALID: 400,
  UNKNOWN: 500,
} as const;

export type RegistryErrorCode = keyof typeof errorStatuses;

type Extra = {
  /** When it differs from the code's usual one: 413, 416, 507. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What a client can use to mend it, as JSON. */
  readonly detail?: unknown;
  readonly cause?: unknown;
};

/**
 * What a client of the registry is told instead of what it asked for. This door's clients act on the specification's
 * codes, which say more than the house's own, so its errors carry those.
 *
 * Spec: OCI distribution-spec 1.1, "Error Codes".
 */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: RegistryErrorCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly detail: unknown;

  constructor(code: RegistryErrorCode, message: string, extra: Extra = {}) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.code = code;
    this.status = extra.status ?? errorStatuses[code];
    this.headers = extra.headers ?? {};
    this.detail = extra.detail;
  }
}

/** The error document, as the specification has it. */
export function errorResponse(error: RegistryError): Response {
  const { code, message, detail } = error;
  const document = { errors: [{ code, message, ...(detail !== undefined && { detail }) }] };
  return Response.json(document, { status: error.status, headers: error.headers });
}
