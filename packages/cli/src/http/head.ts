/** The first part of an HTTP/1.1 response, as it stands before the blank line. */
export type ResponseHead = {
  readonly status: number;
  readonly reason: string;
  /** Names in lower case; the last of a repeated name. */
  readonly headers: ReadonlyMap<string, string>;
};

export type RequestHead = {
  readonly method: string;
  /** Path and query, as they go on the wire. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
};

/** How the bytes after a head are bounded. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

/** The text of a request head, blank line included. */
export function formatRequestHead(request: RequestHead): string {
  let text = `${request.method} ${request.target} HTTP/1.1\r\n`;
  for (const [name, value] of Object.entries(request.headers)) text += `${name}: ${value}\r\n`;
  return `${text}\r\n`;
}

/** @throws Error when the text is not an HTTP/1.x response */
export function parseResponseHead(text: string): ResponseHead {
  const lines = text.split('\r\n');
  const match = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(lines[0] ?? '');
  if (match === null)
    throw new Error(`the engine did not answer in HTTP: ${JSON.stringify((lines[0] ?? '').slice(0, 80))}`);
  const headers = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(match[1]), reason: match[2] ?? '', headers };
}

/**
 * Says where the body of a response ends.
 *
 * Spec: RFC 9112, section 6.3. A hijacked reply (101, or Docker's 200 with its raw stream type) has no end but the
 * connection's.
 */
export function framingOf(method: string, head: ResponseHead): Framing {
  if (method === 'HEAD' || head.status === 204 || head.status === 304) return { kind: 'none' };
  if (head.status === 101) return { kind: 'until-close' };
  if (head.headers.get('transfer-encoding')?.toLowerCase().includes('chunked')) return { kind: 'chunked' };
  const length = head.headers.get('content-length');
  if (length !== undefined) return { kind: 'length', bytes: Number(length) };
  return { kind: 'until-close' };
}
