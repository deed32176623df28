import { EngineError } from '@gantry/base';

/** Where to listen, parsed from `-H`. */
export type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** Sockets that a supervisor made: one by its name or number, or all. */
  | { readonly kind: 'fd'; readonly name: string };

/** Parses `unix:///path`, `tcp://host:port`, `fd://name`, with Docker's defaults for what is left out. @throws invalid */
export function parseAddress(text: string): Address {
  const unix = /^unix:\/\/(.*)$/.exec(text);
  if (unix !== null) return { kind: 'unix', path: unix[1] === '' ? '/var/run/docker.sock' : (unix[1] ?? '') };
  const tcp = /^tcp:\/\/(\[[^\]]+\]|[^:/]*)(?::(\d{1,5}))?\/?$/.exec(text);
  if (tcp !== null) {
    const host = (tcp[1] ?? '').replace(/^\[|\]$/g, '');
    return { kind: 'tcp', host: host === '' ? 'localhost' : host, port: Number(tcp[2] ?? 2375) };
  }
  const passed = /^fd:\/\/(.*)$/.exec(text);
  if (passed !== null) return { kind: 'fd', name: passed[1] === '' ? '*' : (passed[1] ?? '') };
  throw new EngineError('invalid', `invalid bind address (${text}): use unix:///path, tcp://host:port or fd://`);
}

/** As it is given to `-H`. */
export function formatAddress(address: Address): string {
  switch (address.kind) {
    case 'unix':
      return `unix://${address.path}`;
    case 'tcp':
      return `tcp://${address.host}:${address.port}`;
    case 'fd':
      return `fd://${address.name}`;
  }
}
