import { messageOf } from '@gantry/base';
import type { LoggedRequest } from '../server/open-registry.ts';

/** Lines wait this long, so that thousands of requests a second cost few writes. */
const flushMs = 100;
const flushBytes = 64 * 1024;

/** Writes what happens as lines of JSON. What is wrong with the registry itself is written at once. */
export class AccessLog implements Disposable {
  readonly #write: (lines: string) => void;
  #lines = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (lines: string) => void) {
    this.#write = write;
  }

  request({ durationMs, ...served }: LoggedRequest): void {
    this.#lines += line('info', 'request', { ...served, durationMs: Math.round(durationMs * 10) / 10 });
    if (this.#lines.length >= flushBytes) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), flushMs);
  }

  info(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#lines += line('info', message, fields);
    this.#flush();
  }

  warn(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#lines += line('warn', message, fields);
    this.#flush();
  }

  fault(message: string, error: unknown): void {
    this.#lines += line('error', message, { error: messageOf(error) });
    this.#flush();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines !== '') this.#write(this.#lines);
    this.#lines = '';
  }

  [Symbol.dispose](): void {
    this.#flush();
  }
}

function line(level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ time: new Date().toISOString(), level, msg: message, ...fields })}\n`;
}
