import { portOf } from './failure.ts';

/**
 * Connects to a host and hangs up.
 *
 * @throws an error with the code of the failure, `ETIMEDOUT` when it takes too long
 */
export async function tryConnection(
  url: URL,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { connect } = process.getBuiltinModule('node:net');
  const socket = connect(Number(portOf(url)), url.hostname.replace(/^\[|\]$/g, ''));
  const connected = Promise.withResolvers<void>();
  const onAbort = (): void => connected.reject(signal.reason);
  const timer = setTimeout(
    () => connected.reject(Object.assign(new Error('i/o timeout'), { code: 'ETIMEDOUT' })),
    timeoutMs,
  );
  socket.once('connect', connected.resolve);
  socket.once('error', connected.reject);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await connected.promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}
