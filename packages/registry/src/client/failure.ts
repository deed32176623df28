import { EngineError } from '@gantry/base';
import { parseFields } from '@gantry/oci';

/** What a registry answered when it did not do as asked. */
export type RegistryFailure = {
  readonly status: number;
  /** `MANIFEST_UNKNOWN`; '' when the body is not a registry's. */
  readonly code: string;
  readonly message: string;
};

const knownByStatus: Readonly<Record<number, string>> = { 401: 'UNAUTHORIZED', 403: 'DENIED', 429: 'TOOMANYREQUESTS' };

/** Reads the error document of a registry; any other body is told by its status. */
export function parseFailure(status: number, body: string): RegistryFailure {
  const fallback = {
    status,
    code: knownByStatus[status] ?? '',
    message: printable(body.trim().split('\n', 1)[0] ?? '', 200),
  };
  try {
    const [first] = parseFields(body, 'error').objects('errors');
    if (first === undefined) return { ...fallback, message: '' };
    return { status, code: printable(first.text('code'), 100), message: printable(first.text('message'), 1000) };
  } catch {
    // Proxies answer in HTML, old registries in prose: the status says enough.
    return fallback;
  }
}

/** SAFETY: what a registry says ends on somebody's terminal, which would obey control characters. */
function printable(text: string, maximumLength: number): string {
  return text.replace(/\p{Cc}/gu, ' ').slice(0, maximumLength);
}

/** Prints a failure as Docker does: `manifest unknown: manifest unknown`. */
export function formatFailure(failure: RegistryFailure): string {
  const code = failure.code.toLowerCase().replaceAll('_', ' ');
  if (code === '')
    return `received unexpected HTTP status: ${failure.status}${failure.message === '' ? '' : ` (${failure.message})`}`;
  return failure.message === '' ? code : `${code}: ${failure.message}`;
}

/** The names a message needs, as people write them. */
export type Asked = {
  /** `busybox`. */
  readonly name: string;
  /** `busybox:latest`. */
  readonly reference: string;
};

/** Turns a registry's answer into Docker's text for it. */
export function pullError(failure: RegistryFailure, asked: Asked): EngineError {
  const why = formatFailure(failure);
  switch (failure.code) {
    case 'DENIED':
    case 'UNAUTHORIZED': {
      const text = `pull access denied for ${asked.name}, repository does not exist or may require 'docker login': ${why}`;
      return new EngineError('not-found', text, { hint: 'log in to the registry: docker login' });
    }
    case 'MANIFEST_UNKNOWN':
      return new EngineError('not-found', `manifest for ${asked.reference} not found: ${why}`);
    case 'NAME_UNKNOWN':
      return new EngineError('not-found', `repository ${asked.name} not found: ${why}`);
    case 'TOOMANYREQUESTS':
      return new EngineError('unavailable', why, { hint: 'wait, or log in for a higher limit: docker login' });
    default:
      return failure.status === 404
        ? new EngineError('not-found', `manifest for ${asked.reference} not found: manifest unknown: manifest unknown`)
        : new EngineError('unavailable', `cannot pull "${asked.reference}": ${why}`);
  }
}

/** Turns a registry's answer to a push into Docker's text for it: the registry's own words. */
export function pushError(failure: RegistryFailure, { host }: { readonly host: string }): EngineError {
  const why = formatFailure(failure);
  switch (failure.code) {
    case 'DENIED':
    case 'UNAUTHORIZED':
      return new EngineError('denied', why, { hint: `log in to the registry: docker login ${host}` });
    case 'TOOMANYREQUESTS':
      return new EngineError('unavailable', why, { hint: 'wait, and push again: what is there is not sent twice' });
    default:
      return new EngineError(failure.status >= 500 ? 'unavailable' : 'invalid', why);
  }
}

type Refusal = { readonly code?: unknown; readonly message?: unknown };

/** Why nothing was reached at all, in Go's words, by the code that fetch gives: trying again at once is of no use. */
const unreachable: Readonly<Record<string, (url: URL) => string>> = {
  ...same(
    ['ConnectionRefused', 'ECONNREFUSED'],
    (url) => `dial tcp ${url.hostname}:${portOf(url)}: connect: connection refused`,
  ),
  ...same(
    ['ENOTFOUND', 'FailedToOpenSocket', 'DNSResolveFailed'],
    (url) => `dial tcp: lookup ${url.hostname}: no such host`,
  ),
  ...same(
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    () => 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  ),
  ETIMEDOUT: (url) => `dial tcp ${url.hostname}:${portOf(url)}: i/o timeout`,
  CERT_HAS_EXPIRED: () => 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  ERR_TLS_CERT_ALTNAME_INVALID: (url) =>
    `tls: failed to verify certificate: x509: certificate is not valid for ${url.hostname}`,
  EPROTO: () => 'tls: handshake failure: it speaks no TLS there, or wants a certificate of its clients',
};

function same(codes: readonly string[], why: (url: URL) => string): Readonly<Record<string, (url: URL) => string>> {
  return Object.fromEntries(codes.map((code) => [code, why]));
}

export function portOf(url: URL): string {
  return url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
}

/** Tells whether nothing was reached at all: trying again at once is of no use. */
export function isUnreachable(error: unknown): boolean {
  return Object.hasOwn(unreachable, String((error as Refusal).code));
}

/** Says in Docker's words why a request got no answer. The URL's query may hold a token and is left out. */
export function connectionError(error: unknown, url: URL): EngineError {
  const { code, message } = error as Refusal;
  // Docker asks for the API's root first, so that is what its message names.
  const shown = `Get "${url.origin}${url.pathname.startsWith('/v2/') ? '/v2/' : url.pathname}"`;
  // Bun's own messages end in advice for programmers.
  const plain = String(message ?? error).replace(/ For more information, pass .*$/, '');
  const why = isUnreachable(error) ? (unreachable[String(code)]?.(url) ?? plain) : plain;
  const isTrust = /x509/.test(why);
  const hint = isTrust
    ? `put the certificate of its authority at /etc/gantry/certs.d/${url.host}/ca.crt`
    : `see that the registry ${url.host} runs and can be reached from here`;
  return new EngineError('unavailable', `${shown}: ${why}`, { hint, cause: error });
}
