import { waitFor } from './wait-for.ts';

export type TerminalOptions = {
  readonly columns?: number;
  readonly rows?: number;
  readonly environment?: Readonly<Record<string, string | undefined>>;
};

/**
 * A program on a pseudo-terminal of its own, as a user sits before it: `type`, `expect` what the screen shows, `resize`,
 * and in the end `exitCode`. Disposing kills what still runs.
 */
export class Terminal implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  #screen = '';
  #seen = 0;

  constructor(argv: readonly string[], options: TerminalOptions = {}) {
    const decoder = new TextDecoder();
    this.#child = Bun.spawn([...argv], {
      env: { ...process.env, TERM: 'xterm', ...options.environment },
      terminal: {
        cols: options.columns ?? 80,
        rows: options.rows ?? 24,
        data: (_terminal, bytes) => {
          this.#screen += decoder.decode(bytes, { stream: true });
        },
      },
    });
  }

  /** Everything that was printed. */
  get screen(): string {
    return this.#screen;
  }

  type(text: string): void {
    this.#child.terminal?.write(text);
  }

  resize(columns: number, rows: number): void {
    this.#child.terminal?.resize(columns, rows);
  }

  /** Waits for text after what was expected before. @returns the match */
  async expect(text: string | RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    const pattern = typeof text === 'string' ? new RegExp(escapePattern(text)) : text;
    try {
      const match = await waitFor(
        `${pattern} on the terminal`,
        () => pattern.exec(this.#screen.slice(this.#seen)) ?? undefined,
        timeoutMs,
      );
      this.#seen += match.index + match[0].length;
      return match;
    } catch (error) {
      throw new Error(`${pattern} did not come; the terminal shows: ${JSON.stringify(this.#screen)}`, { cause: error });
    }
  }

  /** Waits for the end. */
  async exitCode(timeoutMs = 10_000): Promise<number> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () =>
        late.reject(new Error(`the program on the terminal did not end; it shows: ${JSON.stringify(this.#screen)}`)),
      timeoutMs,
    );
    try {
      return await Promise.race([this.#child.exited, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
    await this.#child.exited;
    this.#child.terminal?.close();
  }
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
