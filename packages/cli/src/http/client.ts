import { failureOf } from '@gantry/api';
import { EngineReplyError } from '../cli-error.ts';
import { readBody, readUntil } from './body.ts';
import type { Connection } from './connection.ts';
import { formatRequestHead, framingOf, parseResponseHead, type ResponseHead } from './head.ts';

export type HttpRequest = {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes of known length, or a stream that is sent in chunks. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
};

/** A reply whose head has come; its body is read once, by one of the three. */
export type HttpReply = {
  readonly head: ResponseHead;
  bytes(): AsyncGenerator<Uint8Array>;
  text(): Promise<string>;
  /** The connection itself, after an upgrade: raw in both directions. */
  readonly connection: Connection;
};

const headLimitBytes = 1 << 16;

/**
 * HTTP/1.1 to one engine, over connections that are used again.
 *
 * Requests may run side by side; each takes an idle connection or opens one. Nothing here retries: a request that
 * failed half-way may have acted.
 */
export class HttpClient implements Disposable {
  readonly #connect: () => Promise<Connection>;
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();

  constructor(connect: () => Promise<Connection>) {
    this.#connect = connect;
  }

  /** Opens a connection ahead of its use, so that two requests can leave at once. */
  async warm(): Promise<void> {
    this.#idle.push(await this.#openAnother());
  }

  /** Sends a request and waits for the head of its reply. @throws EngineReplyError when the engine refuses */
  async send(request: HttpRequest): Promise<HttpReply> {
    const connection = this.#takeIdle() ?? (await this.#openAnother());
    await writeRequest(connection, request);
    const head = await readHead(connection);
    const release = (): void => this.#release(connection, head);
    const bytes = (): AsyncGenerator<Uint8Array> => readBody(connection, framingOf(request.method, head), release);
    const reply: HttpReply = { head, connection, bytes, text: () => readText(bytes()) };
    if (head.status >= 400) throw new EngineReplyError(failureOf(head.status, await reply.text()));
    return reply;
  }

  [Symbol.dispose](): void {
    for (const connection of this.#open) connection.close();
    this.#open.clear();
  }

  #takeIdle(): Connection | undefined {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.isClosed) return idle;
    }
    return undefined;
  }

  async #openAnother(): Promise<Connection> {
    const connection = await this.#connect();
    this.#open.add(connection);
    return connection;
  }

  #release(connection: Connection, head: ResponseHead): void {
    if (head.headers.get('connection')?.toLowerCase() === 'close') connection.close();
    else this.#idle.push(connection);
  }
}

async function writeRequest(connection: Connection, request: HttpRequest): Promise<void> {
  const { body } = request;
  const headers: Record<string, string> = { Host: 'gantry', 'User-Agent': 'gantry', ...request.headers };
  if (body === undefined) {
    if (request.method === 'POST' || request.method === 'PUT') headers['Content-Length'] = '0';
    return connection.write(formatRequestHead({ ...request, headers }));
  }
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    headers['Content-Length'] = String(bytes.length);
    return connection.write(Buffer.concat([Buffer.from(formatRequestHead({ ...request, headers })), bytes]));
  }
  headers['Transfer-Encoding'] = 'chunked';
  await connection.write(formatRequestHead({ ...request, headers }));
  for await (const bytes of body) {
    if (connection.isClosed) return;
    // Three writes, or a copy of everything that is sent.
    await connection.write(`${bytes.length.toString(16)}\r\n`);
    await connection.write(bytes);
    await connection.write('\r\n');
  }
  await connection.write('0\r\n\r\n');
}

async function readHead(connection: Connection): Promise<ResponseHead> {
  while (true) {
    const text = await readUntil(connection, '\r\n\r\n', headLimitBytes);
    if (text === undefined) throw new Error('EOF');
    const head = parseResponseHead(text);
    if (head.status !== 100) return head;
  }
}

export async function readText(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
