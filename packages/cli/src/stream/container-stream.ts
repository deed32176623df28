import type { Connection } from '../http/connection.ts';
import type { Output } from '../output.ts';
import { enterRawMode, isTerminal } from '../terminal.ts';
import { DetachWatcher } from './detach-keys.ts';
import { FrameReader } from './frames.ts';

export type StreamOptions = {
  readonly connection: Connection;
  readonly out: Output;
  readonly err: Output;
  /** The process has a terminal: bytes are raw in both directions, and detach keys are watched for. */
  readonly isTty: boolean;
  readonly sendsInput: boolean;
  readonly detachKeys: readonly number[];
};

/** How a stream came to its end: the process closed it, or the user typed the detach keys. */
export type StreamEnd = 'closed' | 'detached';

/**
 * Joins our terminal or pipes with a process of a container until its output ends or the user detaches.
 *
 * Input that ends closes only our half, so that the process sees its end and may still answer.
 */
export async function streamContainer(options: StreamOptions): Promise<StreamEnd> {
  using _raw = options.isTty && options.sendsInput && isTerminal(0) ? enterRawMode(0) : undefined;
  const detached = Promise.withResolvers<'detached'>();
  if (options.sendsInput) {
    // Nobody waits for input: a process may end while its user types, and our own exit ends the reading.
    void sendInput(options, () => detached.resolve('detached')).catch(() => options.connection.endWriting());
  }
  const output = printOutput(options).then(() => 'closed' as const);
  // Awaited here: the terminal must stay raw until then.
  return await Promise.race([output, detached.promise]);
}

async function sendInput({ connection, isTty, detachKeys }: StreamOptions, onDetach: () => void): Promise<void> {
  const watcher = isTty ? new DetachWatcher(detachKeys) : undefined;
  for await (const bytes of Bun.stdin.stream()) {
    const typed = watcher?.feed(bytes) ?? { bytes, isDetached: false };
    if (typed.bytes.length > 0) await connection.write(typed.bytes);
    if (typed.isDetached) return onDetach();
    if (connection.isClosed) return;
  }
  connection.endWriting();
}

async function printOutput({ connection, out, err, isTty }: StreamOptions): Promise<void> {
  const frames = new FrameReader((kind, bytes) => (kind === 'stderr' ? err : out).write(bytes));
  for (let bytes = await connection.read(); bytes !== undefined; bytes = await connection.read()) {
    if (isTty) out.write(bytes);
    else frames.push(bytes);
    await out.flush();
    await err.flush();
  }
}
