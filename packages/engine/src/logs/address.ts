import { EngineError } from '@gantry/base';

/** The parts of an address option, `tcp://host:514`. */
export type LogAddress = {
  /** Lower case; empty when there is none. */
  readonly scheme: string;
  /** Without the brackets of IPv6. */
  readonly host: string;
  readonly port: number | undefined;
  readonly path: string;
};

/** @throws invalid with Go's text for a port that is none */
export function parseLogAddress(text: string): LogAddress {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)/i.exec(text);
  const [, scheme = '', authority = '', path = ''] = match ?? ['', '', '', text];
  const [, host = '', suffix = ''] = /^(\[[^\]]*\]|[^:]*)(.*)$/.exec(authority) ?? [];
  const port = /^:(\d*)$/.exec(suffix)?.[1];
  if (suffix !== '' && port === undefined)
    throw new EngineError('invalid', `parse "${text}": invalid port "${/:[^:]*$/.exec(suffix)?.[0]}" after host`);
  return {
    scheme: scheme.toLowerCase(),
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: port === undefined || port === '' ? undefined : Number(port),
    path,
  };
}
