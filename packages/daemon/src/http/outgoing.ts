import type { Socket } from 'node:net';
import { formatJson } from '@gantry/api';
import { reasonOf } from './http-error.ts';
import type { RequestHead } from './request-head.ts';

/** Headers that every answer carries. */
export type CommonHeaders = Readonly<Record<string, string>>;

export type Whole = {
  readonly status: number;
  /** Empty: the answer has no type, as one without a body. */
  readonly contentType: string;
  readonly body: string;
  readonly headers?: CommonHeaders;
};

/**
 * One answer on its way out. Waits for slow readers: nothing is written while the socket's buffer is full.
 *
 * Either `whole`, or `begin` then `chunk`s then `end`.
 */
export class Outgoing {
  readonly #socket: Socket;
  readonly #request: Pick<RequestHead, 'method' | 'httpMinor'>;
  readonly #common: CommonHeaders;
  /** False: the connection ends with this answer. */
  keepAlive: boolean;
  #status = 0;
  #chunked = false;

  constructor(socket: Socket, request: Pick<RequestHead, 'method' | 'httpMinor' | 'keepAlive'>, common: CommonHeaders) {
    this.#socket = socket;
    this.#request = request;
    this.#common = common;
    this.keepAlive = request.keepAlive;
  }

  /** What was sent; 0 until then. */
  get status(): number {
    return this.#status;
  }

  get begun(): boolean {
    return this.#status !== 0;
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  #head(status: number, headers: Readonly<Record<string, string>>): string {
    this.#status = status;
    const connection = this.keepAlive
      ? this.#request.httpMinor === 0
        ? { Connection: 'keep-alive' }
        : {}
      : { Connection: 'close' };
    const all = { ...this.#common, ...headers, ...connection, Date: new Date().toUTCString() };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return `HTTP/1.1 ${status} ${reasonOf(status)}\r\n${lines.join('')}\r\n`;
  }

  /** Sends an answer whose body is here in full. */
  async whole(answer: Whole): Promise<void> {
    const { status, contentType, body } = answer;
    const bodiless = status === 204 || status === 304;
    const length: CommonHeaders = bodiless ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const type: CommonHeaders = bodiless || contentType === '' ? {} : { 'Content-Type': contentType };
    const head = this.#head(status, { ...type, ...answer.headers, ...length });
    await this.#write(this.#request.method === 'HEAD' || bodiless ? head : head + body);
  }

  async json(status: number, document: Parameters<typeof formatJson>[0]): Promise<void> {
    await this.whole({ status, contentType: 'application/json', body: `${formatJson(document)}\n` });
  }

  /** Sends the head of a stream at once. A client of HTTP/1.0 knows no chunks: its body ends with the connection. */
  async begin(status: number, contentType: string, headers: CommonHeaders = {}): Promise<void> {
    this.#chunked = this.#request.httpMinor === 1;
    if (!this.#chunked) this.keepAlive = false;
    const transfer: CommonHeaders = this.#chunked ? { 'Transfer-Encoding': 'chunked' } : {};
    await this.#write(this.#head(status, { 'Content-Type': contentType, ...headers, ...transfer }));
  }

  async chunk(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    if (!this.#chunked) return await this.#write(bytes);
    const size = `${bytes.length.toString(16)}\r\n`;
    if (bytes.length <= smallChunkBytes) return await this.#write(Buffer.concat([Buffer.from(size), bytes, lineEnd]));
    // Three writes, or a copy of everything that is sent.
    await this.#write(size);
    await this.#write(bytes);
    await this.#write(lineEnd);
  }

  async end(): Promise<void> {
    if (this.#chunked) await this.#write('0\r\n\r\n');
  }

  /** The head of a hijacked connection: switched when the client asked for it, else raw bytes follow a 200. */
  async switch(upgrade: string | undefined, contentType: string): Promise<void> {
    const status = upgrade === undefined ? 200 : 101;
    this.#status = status;
    const protocol = upgrade === undefined ? {} : { Connection: 'Upgrade', Upgrade: 'tcp' };
    const headers = Object.entries({ 'Content-Type': contentType, ...protocol, ...this.#common });
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
    await this.#write(`HTTP/1.1 ${status} ${reasonOf(status)}\r\n${lines.join('')}\r\n`);
  }

  async continue(): Promise<void> {
    await this.#write('HTTP/1.1 100 Continue\r\n\r\n');
  }

  async #write(data: string | Uint8Array): Promise<void> {
    if (!this.isOpen || this.#socket.write(data)) return;
    const roomy = Promise.withResolvers<void>();
    this.#socket.once('drain', roomy.resolve);
    this.#socket.once('close', roomy.resolve);
    await roomy.promise;
    this.#socket.off('drain', roomy.resolve);
    this.#socket.off('close', roomy.resolve);
  }
}

/** Up to here a copy is cheaper than two more system calls. */
const smallChunkBytes = 16 * 1024;
const lineEnd = Buffer.from('\r\n', 'latin1');
