import { HttpError } from './http-error.ts';

/** How the body that follows a head is delimited. */
export type BodyFrame =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' };

export type RequestHead = {
  readonly method: string;
  /** Percent-decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly httpMinor: 0 | 1;
  /** Names in lower case; values of repeated headers joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: BodyFrame;
  readonly keepAlive: boolean;
  /** Asked for a protocol switch (`Connection: Upgrade`). */
  readonly upgrade: string | undefined;
  readonly expectsContinue: boolean;
};

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Parses a request's head, without the empty line that ends it.
 *
 * SAFETY: strict on purpose. What two parsers read differently is how requests are smuggled past an authorising proxy,
 * so folded lines, bare line feeds, two lengths, or a length beside chunks are refused rather than guessed at.
 *
 * Spec: RFC 9112, sections 3, 5 and 6.
 *
 * @throws HttpError
 */
export function parseRequestHead(text: string): RequestHead {
  const [requestLine = '', ...lines] = text.split('\r\n');
  const match = /^(\S+) (\S+) HTTP\/(\d)\.(\d)$/.exec(requestLine);
  const [, method, target, major, minor] = match ?? [];
  if (method === undefined || target === undefined || !token.test(method)) {
    throw new HttpError(400, 'malformed request line');
  }
  if (major !== '1' || (minor !== '0' && minor !== '1')) throw new HttpError(505, 'unsupported protocol version');
  const headers = parseHeaders(lines);
  const httpMinor = minor === '1' ? 1 : 0;
  if (httpMinor === 1 && !headers.has('host')) throw new HttpError(400, 'missing required Host header');
  const connection = listOf(headers.get('connection'));
  return {
    method,
    ...parseTarget(target),
    httpMinor,
    headers,
    body: bodyFrame(headers),
    keepAlive: httpMinor === 1 ? !connection.includes('close') : connection.includes('keep-alive'),
    upgrade: connection.includes('upgrade') ? headers.get('upgrade') : undefined,
    expectsContinue: headers.get('expect')?.toLowerCase() === '100-continue',
  };
}

function parseHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not be there
    if (colon < 1 || !token.test(name) || /[\x00\r\n]/.test(value)) throw new HttpError(400, 'malformed header line');
    const earlier = headers.get(name);
    if (earlier !== undefined && (name === 'host' || name === 'content-length' || name === 'transfer-encoding')) {
      throw new HttpError(400, `repeated ${name} header`);
    }
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return headers;
}

function listOf(value: string | undefined): readonly string[] {
  return (value ?? '').split(',').map((item) => item.trim().toLowerCase());
}

function bodyFrame(headers: ReadonlyMap<string, string>): BodyFrame {
  const encoding = headers.get('transfer-encoding');
  const length = headers.get('content-length');
  if (encoding !== undefined) {
    if (length !== undefined) throw new HttpError(400, 'both Content-Length and Transfer-Encoding');
    if (encoding.toLowerCase() !== 'chunked') throw new HttpError(501, `unsupported transfer encoding: ${encoding}`);
    return { kind: 'chunked' };
  }
  if (length === undefined) return { kind: 'none' };
  if (!/^\d{1,15}$/.test(length)) throw new HttpError(400, 'malformed Content-Length header');
  const bytes = Number(length);
  return bytes === 0 ? { kind: 'none' } : { kind: 'length', bytes };
}

function parseTarget(target: string): { path: string; query: URLSearchParams } {
  const origin = target.replace(/^https?:\/\/[^/]*/i, '');
  const mark = origin.indexOf('?');
  const rawPath = mark < 0 ? origin : origin.slice(0, mark);
  if (!rawPath.startsWith('/') && target !== '*') throw new HttpError(400, 'malformed request target');
  try {
    return { path: decodeURIComponent(rawPath), query: new URLSearchParams(mark < 0 ? '' : origin.slice(mark + 1)) };
  } catch {
    throw new HttpError(400, `invalid URL escape in ${JSON.stringify(rawPath)}`); // decodeURIComponent says no more
  }
}
