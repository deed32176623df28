/** The first signal ends the daemon in order; a second one while it does so ends it at once. */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        resolve(signal);
        process.once(signal, () => process.exit(1));
      });
    }
  });
}

/** Hears a signal from now on, which would end the process otherwise: one that comes before `each` is told to it then. */
export function hearSignal(signal: 'SIGHUP' | 'SIGUSR2'): { readonly each: (act: () => void) => void } {
  let missed = false;
  let hear = (): void => {
    missed = true;
  };
  process.on(signal, () => hear());
  return {
    each: (act) => {
      hear = act;
      if (missed) act();
    },
  };
}
