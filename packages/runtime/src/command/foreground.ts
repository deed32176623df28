import { writeSync } from 'node:fs';
import { isErrno } from '@gantry/base';
import { type Attachment, attachStreams, type ShimControl } from './shim-client.ts';

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12 } as const;

/** Lets a created process go with this program's own streams and signals joined to it. @returns its exit code */
export async function runInForeground(
  control: ShimControl,
  options: { readonly taskDir: string; readonly terminal: boolean },
): Promise<number> {
  const attachment = await attachStreams(
    options.taskDir,
    { terminal: options.terminal, stdin: true },
    (stream, bytes) => writeAll(stream, bytes),
  );
  using _terminal = joinTerminal(control, options.terminal);
  for (const name of forwarded) process.on(name, () => control.signal(numbers[name], false));
  control.start();
  await control.started;
  void pumpInput(attachment);
  const record = await control.exited;
  await attachment.ended;
  return record.exitCode;
}

/** Writes output to a descriptor of this program, however slowly it takes it. */
export function writeAll(fd: 1 | 2, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      // A slow reader of a non-blocking descriptor; whoever is gone for good (EPIPE) gets no more.
      if (!isErrno(error, 'EAGAIN')) return;
      Bun.sleepSync(1);
    }
  }
}

/** Hands this program's input on to its end. */
export async function pumpInput(attachment: Attachment): Promise<void> {
  for await (const chunk of Bun.stdin.stream()) attachment.write(chunk);
  attachment.endInput();
}

/** With a terminal on both sides keys go through untouched, and the size follows. */
export function joinTerminal(control: ShimControl, terminal: boolean): Disposable {
  if (!terminal || !process.stdin.isTTY) return { [Symbol.dispose]: () => undefined };
  // A terminal that nobody has given a size yet has none to hand on.
  const resize = (): void => {
    if (process.stdout.rows > 0) control.resize(process.stdout.rows, process.stdout.columns);
  };
  process.stdin.setRawMode(true);
  // Not SIGWINCH: its handlers still see the size from before.
  process.stdout.on('resize', resize);
  resize();
  return { [Symbol.dispose]: () => process.stdin.setRawMode(false) };
}
