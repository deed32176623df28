import { EngineError } from '@gantry/base';

/** Where to listen, parsed from `-H`. */
export type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** Parses `unix:///path`, `tcp://host:port`, with Docker's defaults for what is left out. @throws invalid */
export function parseAddress(text: string): Address {
  const unix = /^unix:\/\/(.*)$/.exec(text);
  if (unix !== null) return { kind: 'unix', path: unix[1] === '' ? '/var/run/docker.sock' : (unix[1] ?? '') };
  const tcp = /^tcp:\/\/(\[[^\]]+\]|[^:/]*)(?::(\d{1,5}))?\/?$/.exec(text);
  if (tcp !== null) {
    const host = (tcp[1] ?? '').replace(/^\[|\]$/g, '');
    return { kind: 'tcp', host: host === '' ? 'localhost' : host, port: Number(tcp[2] ?? 2375) };
  }
  const scheme = /^(\w+):\/\//.exec(text)?.[1];
  if (scheme === 'fd')
    throw new EngineError('unsupported', `cannot listen on "${text}": socket activation is not supported yet`);
  throw new EngineError('invalid', `invalid bind address (${text}): use unix:///path or tcp://host:port`);
}

/** As it is given to `-H`. */
export function formatAddress(address: Address): string {
  return address.kind === 'unix' ? `unix://${address.path}` : `tcp://${address.host}:${address.port}`;
}
