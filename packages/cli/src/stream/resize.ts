import { type TerminalSize, terminalSize } from '../terminal.ts';

/**
 * Tells a process the size of our terminal, now and whenever it changes, until it is disposed.
 *
 * The first time may come before the process is there to be told; it is tried again a few times.
 */
export function followTerminalSize(tell: (size: TerminalSize) => Promise<unknown>): Disposable {
  const resize = async (): Promise<void> => {
    const size = terminalSize(1) ?? terminalSize(0);
    if (size !== undefined && size.rows > 0) await tell(size);
  };
  const onChange = (): void => void resize().catch(() => undefined);
  void retry(resize);
  process.on('SIGWINCH', onChange);
  return { [Symbol.dispose]: () => void process.off('SIGWINCH', onChange) };
}

const attempts = 10;

async function retry(act: () => Promise<void>): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    try {
      return await act();
    } catch {
      // Not started yet, or already gone: later attempts tell, and a size is no reason to fail a command.
      await Bun.sleep(attempt * 10);
    }
  }
}
