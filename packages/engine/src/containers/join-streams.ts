import type { Duplex } from 'node:stream';
import { detachFilter } from './detach-keys.ts';

/**
 * Joins a client with an attached stream of a shim until the output has ended, the client is gone or it detached.
 *
 * Output ends the client; the client's half-close ends the process's stdin; a client that breaks off ends its attachment
 * and never the process. Both ways wait for a slow other side.
 *
 * @returns whether the client typed the detach keys
 */
export async function joinStreams(
  client: Duplex,
  shim: Duplex,
  options: {
    readonly stdin: boolean;
    readonly detachKeys: Uint8Array | undefined;
    /** Awaited between the last byte of output and the end of the client's stream. */
    readonly beforeEnd?: () => Promise<void>;
  },
): Promise<{ detached: boolean }> {
  const over = Promise.withResolvers<{ detached: boolean }>();
  const finish = (detached: boolean): void => {
    shim.destroy();
    client.end();
    over.resolve({ detached });
  };
  client.on('error', () => finish(false));
  client.on('close', () => finish(false));
  shim.on('error', () => finish(false));
  const outputEnded = (): void => {
    (options.beforeEnd?.() ?? Promise.resolve()).then(
      () => finish(false),
      () => finish(false),
    );
  };
  shim.on('end', outputEnded);
  shim.on('close', outputEnded);
  // A client that broke off before anyone listened says so no more either.
  if (client.destroyed) finish(false);
  // A process that prints nothing may have ended before anyone listened, and a stream says so only once.
  if (shim.readableEnded || shim.destroyed) outputEnded();
  if (client.destroyed) return over.promise;
  if (!options.stdin) client.resume();
  else if (options.detachKeys === undefined) client.pipe(shim);
  else client.pipe(detachFilter(options.detachKeys, () => finish(true))).pipe(shim);
  shim.pipe(client, { end: false });
  return over.promise;
}
