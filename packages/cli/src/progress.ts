import type { ProgressWire } from '@gantry/api';
import { formatSize } from '@gantry/base';
import { CliError } from './cli-error.ts';
import type { Output } from './output.ts';
import { isTerminal, terminalSize } from './terminal.ts';

/**
 * Prints the progress of a pull, load or import as Docker does: on a terminal one line for each layer, rewritten in
 * place; elsewhere one line for each step, without bars.
 *
 * @throws CliError with the engine's sentence when the work failed in the middle
 */
export async function printProgress(messages: AsyncIterable<ProgressWire>, output: Output | undefined): Promise<void> {
  const columns = output !== undefined && isTerminal(output.fd) ? (terminalSize(output.fd)?.columns ?? 200) : undefined;
  const printer = new ProgressPrinter(columns);
  for await (const message of messages) {
    const text = printer.print(message);
    output?.write(text);
    await output?.flush();
  }
}

const clearLine = '\x1b[2K';

/** Turns messages into text. A class, because where the cursor stands depends on every message before. */
export class ProgressPrinter {
  /** Width of the terminal; undefined when there is none. */
  readonly #columns: number | undefined;
  #lines = new Map<string, number>();

  constructor(columns: number | undefined) {
    this.#columns = columns;
  }

  /** @throws CliError when the message is a failure */
  print(message: ProgressWire): string {
    const failure = message.errorDetail?.message ?? message.error;
    const hint = message.errorDetail?.hint;
    if (failure !== undefined) throw new CliError(failure, hint === undefined ? {} : { advice: hint });
    if (message.aux !== undefined) return '';
    if (message.id === undefined || message.id === '' || message.progressDetail === undefined) {
      // A plain line ends the block of layers; those that come later begin a new one.
      this.#lines = new Map();
      return formatMessage(message, this.#columns);
    }
    return this.#placed(message, message.id);
  }

  #placed(message: ProgressWire, id: string): string {
    const known = this.#lines.get(id);
    const line = known ?? this.#lines.size;
    this.#lines.set(id, line);
    const text = formatMessage(message, this.#columns);
    if (this.#columns === undefined) return text;
    const rows = this.#lines.size - line;
    return `${known === undefined ? '\n' : ''}\x1b[${rows}A${text}\x1b[${rows}B`;
  }
}

function formatMessage(message: ProgressWire, columns: number | undefined): string {
  const prefix = message.id === undefined || message.id === '' ? '' : `${message.id}: `;
  const status = message.status ?? '';
  if (message.stream !== undefined && message.stream !== '') return `${prefix}${message.stream}`;
  if (message.progressDetail === undefined) return `${prefix}${status}\n`;
  const bar = formatProgress(message.progressDetail, columns ?? 200);
  if (columns === undefined) return bar === '' ? `${prefix}${status}\n` : '';
  return `${clearLine}\r${prefix}${status} ${bar}\r`;
}

const barCells = 50;

/** The bar and the numbers of `[====>    ]  1.2MB/5MB`. */
export function formatProgress(detail: { current?: number; total?: number }, columns: number): string {
  const current = detail.current ?? 0;
  const total = detail.total ?? 0;
  if (current <= 0 && total <= 0) return '';
  const shown = formatSize(current).padStart(8);
  if (total <= 0) return shown;
  const filled = Math.min(barCells, Math.trunc(Math.trunc((current / total) * 100) / 2));
  const bar = columns > 110 ? `[${'='.repeat(filled)}>${' '.repeat(barCells - filled)}] ` : '';
  return `${bar}${shown}${current > total ? '' : `/${formatSize(total)}`}`;
}
