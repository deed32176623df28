import { EngineError } from '@gantry/base';
import type { Certificates } from './certificates.ts';
import { connectionError, isUnreachable, parseFailure, type RegistryFailure } from './failure.ts';
import { type Proxies, proxyFor } from './proxy.ts';

/** Bodies that are read whole never grow beyond these. */
export const caps = { errorBytes: 64 * 1024, tokenBytes: 1024 * 1024, tagListBytes: 4 * 2 ** 20 } as const;

const attempts = 5;
const firstDelayMs = 250;
const maximumDelayMs = 30_000;
const headerTimeoutMs = 60_000;
const storeTimeoutMs = 600_000;
const stallMs = 60_000;

export type Request = {
  readonly url: URL;
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | ReadableStream<Uint8Array>;
  readonly dial: Dial;
};

/** How a host is reached, and what it must prove. */
export type Dial = {
  /** A certificate that nobody vouches for is taken: only for hosts that may be insecure. */
  readonly skipVerify: boolean;
  readonly certificates: Certificates | undefined;
  readonly proxies: Proxies;
};

/**
 * Sends one request. Redirects are never followed here: whoever follows one decides what goes along.
 *
 * @throws the fetch's own error when there was no answer
 */
export async function send(request: Request, signal: AbortSignal): Promise<Response> {
  const { dial, url, method = 'GET', body } = request;
  using patience = new Patience();
  // What was written is hashed and moved before a registry answers, which takes it a while.
  patience.expect(method === 'PUT' ? storeTimeoutMs : headerTimeoutMs);
  return await fetch(url, {
    method,
    headers: { 'user-agent': 'gantry', 'accept-encoding': 'identity', ...request.headers },
    redirect: 'manual',
    body: body instanceof ReadableStream ? watched(body, patience) : body,
    signal: AbortSignal.any([signal, patience.signal]),
    ...(url.protocol === 'https:' && { tls: tlsOptions(dial) }),
    // Not undefined, which would mean the environment's, by rules that are not Go's.
    proxy: proxyFor(url, dial.proxies) ?? false,
    // A blob is hashed as it came.
    decompress: false,
  });
}

/** Aborts when what is expected takes longer than it may. */
class Patience implements Disposable {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  expect(ms: number): void {
    clearTimeout(this.#timer);
    const lose = (): void => this.#controller.abort(new Error('net/http: timeout awaiting response headers'));
    this.#timer = setTimeout(lose, ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** An upload may take hours, as long as it moves. */
function watched(body: ReadableStream<Uint8Array>, patience: Patience): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    pull: async (controller) => {
      const next = await reader.read();
      patience.expect(next.done ? storeTimeoutMs : headerTimeoutMs);
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

function tlsOptions({ skipVerify, certificates }: Dial): Bun.TLSOptions & { rejectUnauthorized: boolean } {
  const { authorities = [], client } = certificates ?? {};
  return {
    rejectUnauthorized: !skipVerify,
    ...(!skipVerify && { ca: [...worldAuthorities(), ...authorities] }),
    ...(client !== undefined && { cert: client.certificate, key: client.key }),
  };
}

/**
 * Whom this machine trusts: what its administrator installed, which Bun would not ask by itself; else Mozilla's list.
 * The module is loaded when a registry is first spoken to in TLS: it takes eight milliseconds.
 */
function worldAuthorities(): readonly string[] {
  const { getCACertificates, rootCertificates } = process.getBuiltinModule('node:tls');
  const installed = getCACertificates('system');
  return installed.length > 0 ? installed : rootCertificates;
}

/** Sends a request again while the answer is 429 or 5xx or the connection breaks. @throws unavailable, cancelled */
export async function sendPatiently(request: Request, signal: AbortSignal): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await send(request, signal);
      if (attempt === attempts || !(response.status === 429 || response.status >= 500)) return response;
      await response.body?.cancel();
      await delay(retryAfterMs(response) ?? backOffMs(attempt), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (attempt === attempts || isUnreachable(error)) throw connectionError(error, request.url);
      await delay(backOffMs(attempt), signal);
    }
  }
}

export function backOffMs(attempt: number): number {
  return Math.min(firstDelayMs * 2 ** (attempt - 1), maximumDelayMs);
}

/** How long a busy registry wants to be left alone: seconds, or a moment. undefined when it does not say. */
export function retryAfterMs(response: Response): number | undefined {
  const text = response.headers.get('retry-after') ?? '';
  const ms = /^[0-9]{1,4}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), maximumDelayMs);
}

/** Waits, or throws as soon as the signal says so. */
export function delay(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  });
}

/** The chunks of a body; a connection that stays silent for a minute counts as broken. */
export async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  let timer: NodeJS.Timeout | undefined;
  try {
    for (;;) {
      const stalled = Promise.withResolvers<never>();
      timer = setTimeout(() => stalled.reject(new Error('the connection stalled')), stallMs);
      const next = await Promise.race([reader.read(), stalled.promise]);
      clearTimeout(timer);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    clearTimeout(timer);
    // A cancelled body closes its connection; the bytes that still come are nobody's.
    await reader.cancel().catch(() => undefined);
  }
}

/** Reads a whole body up to a cap. @throws invalid when it is larger */
export async function readBody(response: Response, maximumBytes: number, what: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of chunksOf(response)) {
    total += chunk.length;
    if (total > maximumBytes) {
      throw new EngineError(
        'invalid',
        `cannot read ${what} from ${new URL(response.url).host}: more than ${maximumBytes} bytes`,
      );
    }
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

/** Reads what a registry said instead of doing as asked. */
export async function failureOf(response: Response): Promise<RegistryFailure> {
  return parseFailure(response.status, await readErrorText(response));
}

/** Reads as much of an error's body as is worth showing. */
export async function readErrorText(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of chunksOf(response)) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length >= caps.errorBytes) break;
    }
  } catch {
    // The status is already known; a body that breaks off adds nothing to it.
  }
  return text.slice(0, caps.errorBytes);
}
