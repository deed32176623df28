import { readFileSync } from 'node:fs';
import { EngineError, messageOf } from '@gantry/base';

export type Address = { readonly hostname: string; readonly port: number };

export type Tls = { readonly cert: string; readonly key: string };

export type ListenOptions = {
  readonly fetch: (request: Request, remote: string) => Promise<Response>;
  readonly tls: Tls | undefined;
  /** How long answers may take after the end was asked for. */
  readonly drainMs: number;
};

/** Seconds of silence after which a connection is closed, in the middle of a body too: a client that stopped is let go. */
const idleSeconds = 120;
/** Blobs have no limit here: they stream to the disk, where the store counts. Everything else is read with its own cap. */
const maximumBodyBytes = 2 ** 50;

/** `127.0.0.1:5000`, `[::1]:5000`, `:5000` for every address. @throws invalid */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]*)):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535)
    throw new EngineError('invalid', `invalid address "${text}": use one such as 127.0.0.1:5000`);
  return { hostname: match[1] ?? (match[2] === '' ? '::' : (match[2] ?? '')), port: Number(match[3]) };
}

/** @throws invalid when only one is given, or one cannot be read */
export function readTls(certFile: string | undefined, keyFile: string | undefined): Tls | undefined {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined)
    throw new EngineError('invalid', '--tls-cert and --tls-key need each other');
  try {
    return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  } catch (error) {
    throw new EngineError('invalid', `cannot read certificate or key: ${messageOf(error)}`);
  }
}

/**
 * Serves HTTP until it is disposed, which waits for the answers that are on their way.
 *
 * @returns `url`: with the port that was bound, when 0 was asked for
 * @throws unavailable when the address cannot be had
 */
export function listen(address: Address, options: ListenOptions): AsyncDisposable & { readonly url: string } {
  const server = startServer(address, options);
  const shown = address.hostname.includes(':') ? `[${address.hostname}]` : address.hostname;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${shown}:${server.port}`,
    [Symbol.asyncDispose]: async () => {
      const timer = setTimeout(() => void server.stop(true), options.drainMs);
      await server.stop(options.drainMs === 0);
      clearTimeout(timer);
    },
  };
}

function startServer({ hostname, port }: Address, { fetch, tls }: ListenOptions): Bun.Server<undefined> {
  try {
    return Bun.serve({
      hostname,
      port,
      tls,
      idleTimeout: idleSeconds,
      maxRequestBodySize: maximumBodyBytes,
      development: false,
      // Outside development Bun shares ports: a second registry would take half of the first one's clients.
      reusePort: false,
      fetch: (request, server) => fetch(request, server.requestIP(request)?.address ?? ''),
    });
  } catch (error) {
    throw new EngineError('unavailable', `cannot listen on "${hostname}" port ${port}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
