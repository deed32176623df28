import { formatSize } from '@gantry/base';
import type { Output } from '../output.ts';
import { isTerminal } from '../terminal.ts';

const save = '\x1b7';
const restore = '\x1b8';
const eraseLine = '\x1b[2K';
const hide = '\x1b[?25l';
const show = '\x1b[?25h';
/** Faster than that nobody reads. */
const intervalMs = 75;

/** What a copy says on a terminal: how much has gone through so far, and at the end one sentence. Elsewhere nothing. */
export class CopyProgress {
  readonly #output: Output | undefined;
  readonly #header: string;
  #bytes = 0;
  #shownAt = 0;

  /** @param header `Copying to container - ` */
  constructor(output: Output, header: string, quiet: boolean) {
    this.#output = quiet || !isTerminal(output.fd) ? undefined : output;
    this.#header = header;
    this.#output?.write(`${save}Preparing to copy...${hide}${this.#line()}`);
  }

  /** Counts what passes. */
  async *count(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#bytes += chunk.length;
      await this.#show();
      yield chunk;
    }
  }

  /** Says that it is done. @param target as the user named it */
  end(target: string): void {
    const size = formatSize(this.#bytes, 3);
    this.#output?.write(`${show}${restore}${eraseLine}Successfully copied ${size} to ${target}\n`);
  }

  /** Takes back what was shown, for a copy that failed. */
  abandon(): void {
    this.#output?.write(`${show}${restore}${eraseLine}`);
  }

  async #show(): Promise<void> {
    const now = performance.now();
    if (this.#output === undefined || now - this.#shownAt < intervalMs) return;
    this.#shownAt = now;
    this.#output.write(this.#line());
    await this.#output.flush();
  }

  #line(): string {
    return `${restore}${eraseLine}${this.#header}${formatSize(this.#bytes, 3)}`;
  }
}
