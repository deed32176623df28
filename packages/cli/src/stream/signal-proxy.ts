/** Signals that a user may send to the client and means for the container. */
const proxied = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGCONT',
  'SIGTSTP',
] as const;

/** How many times a user asks us to end before we do so without the container. */
const patience = 3;

/**
 * Passes our signals on to a container instead of dying of them, until it is disposed.
 *
 * @param send called with a name such as `TERM`; its failure is nobody's concern, as the container may be gone already
 * @param giveUp called when the user has asked three times to end
 */
export function proxySignals(send: (signal: string) => Promise<unknown>, giveUp: () => void): Disposable {
  let asked = 0;
  const handlers = proxied.map((signal) => {
    const handler = (): void => {
      if ((signal === 'SIGINT' || signal === 'SIGTERM') && ++asked >= patience) giveUp();
      send(signal.slice('SIG'.length)).catch(() => undefined);
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  return {
    [Symbol.dispose]: () => {
      for (const { signal, handler } of handlers) process.off(signal, handler);
    },
  };
}
