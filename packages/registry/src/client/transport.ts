import { rootCertificates } from 'node:tls';
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
  const { dial, url } = request;
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new Error('net/http: timeout awaiting response headers')),
    headerTimeoutMs,
  );
  try {
    return await fetch(url, {
      method: request.method ?? 'GET',
      headers: { 'user-agent': 'gantry', 'accept-encoding': 'identity', ...request.headers },
      redirect: 'manual',
      body: request.body,
      signal: AbortSignal.any([signal, timeout.signal]),
      tls: tlsOptions(dial),
      // Not undefined, which would mean the environment's, by rules that are not Go's.
      proxy: proxyFor(url, dial.proxies) ?? false,
      // A blob is hashed as it came.
      decompress: false,
    });
  } finally {
    clearTimeout(timer);
  }
}

function tlsOptions({ skipVerify, certificates }: Dial): Bun.TLSOptions & { rejectUnauthorized: boolean } {
  const { authorities = [], client } = certificates ?? {};
  return {
    rejectUnauthorized: !skipVerify,
    ...(authorities.length > 0 && { ca: [...rootCertificates, ...authorities] }),
    ...(client !== undefined && { cert: client.certificate, key: client.key }),
  };
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

/** How long a busy registry wants to be left alone; undefined when it does not say. */
export function retryAfterMs(response: Response): number | undefined {
  const text = response.headers.get('retry-after') ?? '';
  return /^[0-9]{1,4}$/.test(text) ? Math.min(Number(text) * 1000, maximumDelayMs) : undefined;
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

/** Reads a whole body up to a cap. @throws invalid when it is larger */
export async function readBody(response: Response, maximumBytes: number, what: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of response.body ?? []) {
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
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length >= caps.errorBytes) break;
    }
  } catch {
    // The status is already known; a body that breaks off adds nothing to it.
  }
  return text.slice(0, caps.errorBytes);
}
