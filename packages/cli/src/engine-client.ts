import { type ApiRequest, type RequestParts, type Route, readReply, requestOf } from '@gantry/api';
import { HttpClient, type HttpReply, type HttpRequest } from './http/client.ts';
import type { Connection } from './http/connection.ts';

/** A body that is streamed, an archive for `load` or `import`. */
export type Upload = { readonly type: string; readonly bytes: AsyncIterable<Uint8Array> | Uint8Array };

/**
 * The engine's API as the rows of its table describe it.
 *
 * One method for each shape of an answer. Nothing is connected before the first call.
 */
export class EngineClient implements Disposable {
  readonly #http: HttpClient;

  constructor(connect: () => Promise<Connection>) {
    this.#http = new HttpClient(connect);
  }

  /** Opens one more connection ahead of need. */
  warm(): Promise<void> {
    return this.#http.warm();
  }

  /** One request, one document. @throws EngineReplyError */
  async call<Q, B, R>(route: Route<Q, B, R>, parts: RequestParts<Q, B> = {}): Promise<R> {
    const reply = await this.#http.send(requestOf(route, parts));
    return readReply(route, reply.head.status, await reply.text());
  }

  /** A document as the engine wrote it, member for member, for commands that print it back. */
  async text<Q, B, R>(route: Route<Q, B, R>, parts: RequestParts<Q, B> = {}): Promise<string> {
    const reply = await this.#http.send(requestOf(route, parts));
    return reply.text();
  }

  /** Documents as they come. The request is accepted once the outer promise settles. */
  async lines<Q, B, R>(
    route: Route<Q, B, R>,
    parts: RequestParts<Q, B> = {},
    upload?: Upload,
  ): Promise<AsyncGenerator<R>> {
    const reply = await this.#http.send(withUpload(requestOf(route, parts), upload));
    return readDocuments(route, reply);
  }

  /** Documents as they come, as the engine wrote them: for numbers that a parsed one would round. */
  async textLines<Q, B, R>(route: Route<Q, B, R>, parts: RequestParts<Q, B> = {}): Promise<AsyncGenerator<string>> {
    return readLines(await this.#http.send(requestOf(route, parts)));
  }

  /** Raw bytes as they come. */
  async bytes<Q, B, R>(
    route: Route<Q, B, R>,
    parts: RequestParts<Q, B> = {},
  ): Promise<{ reply: HttpReply; bytes: AsyncGenerator<Uint8Array> }> {
    const reply = await this.#http.send(requestOf(route, parts));
    return { reply, bytes: reply.bytes() };
  }

  /** Sends an archive and waits until all of it has been taken. @throws EngineReplyError */
  async upload<Q, B, R>(route: Route<Q, B, R>, parts: RequestParts<Q, B>, upload: Upload): Promise<void> {
    const reply = await this.#http.send(withUpload(requestOf(route, parts), upload));
    await reply.text();
  }

  /** Takes the connection over: what is written and read from now on is the container's. */
  async upgrade<Q, B, R>(route: Route<Q, B, R>, parts: RequestParts<Q, B> = {}): Promise<Connection> {
    const reply = await this.#http.send(requestOf(route, parts));
    return reply.connection;
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }
}

function withUpload(request: ApiRequest, upload: Upload | undefined): HttpRequest {
  if (upload === undefined) return request;
  return { ...request, headers: { ...request.headers, 'Content-Type': upload.type }, body: upload.bytes };
}

async function* readDocuments<Q, B, R>(route: Route<Q, B, R>, reply: HttpReply): AsyncGenerator<R> {
  for await (const line of readLines(reply)) yield readReply(route, reply.head.status, line);
}

async function* readLines(reply: HttpReply): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const bytes of reply.bytes()) {
    pending += decoder.decode(bytes, { stream: true });
    const lines = pending.split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield line;
  }
  if (pending.trim() !== '') yield pending;
}
