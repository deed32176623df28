import { EngineError } from '@gantry/base';
import { parseLogAddress } from './address.ts';
import type { Endpoint, LogTarget } from './types.ts';

type Options = Readonly<Record<string, string>>;

const defaultRetryMs = 1000;
/** zlib's `Z_BEST_SPEED`, as Docker has it. */
const defaultLevel = 1;
const plainOptions = new Set(['env', 'env-regex', 'labels', 'labels-regex', 'tag', 'gelf-address']);

/** @throws invalid with Docker's texts */
export function parseGelfTarget(options: Options): Extract<LogTarget, { kind: 'gelf' }> {
  const endpoint = parseEndpoint(options['gelf-address'] ?? '');
  for (const [name, value] of Object.entries(options)) checkOption(endpoint, name, value);
  const compression = options['gelf-compression-type'];
  const retrySeconds = options['gelf-tcp-reconnect-delay'];
  return {
    kind: 'gelf',
    endpoint,
    compression:
      endpoint.kind === 'tcp' ? 'none' : compression === 'zlib' || compression === 'none' ? compression : 'gzip',
    level: Number(options['gelf-compression-level'] ?? defaultLevel),
    retryMs: retrySeconds === undefined ? defaultRetryMs : Math.max(Number(retrySeconds) * 1000, defaultRetryMs),
  };
}

function parseEndpoint(address: string): Endpoint {
  if (address === '') refuse('gelf-address is a required parameter');
  const { scheme, host, port } = parseLogAddress(address);
  if (scheme !== 'udp' && scheme !== 'tcp') refuse('gelf: endpoint needs to be TCP or UDP');
  if (port === undefined) refuse('gelf: please provide gelf-address as proto://host:port');
  return { kind: scheme, host, port };
}

function checkOption({ kind }: Endpoint, name: string, value: string): void {
  const isKnown = (isValid: boolean): void => {
    if (!isValid) refuse(`unknown value "${value}" for log opt "${name}" for gelf log driver`);
  };
  switch (name) {
    case 'gelf-compression-type':
      if (kind !== 'udp') refuse('compression is only supported on UDP');
      isKnown(['gzip', 'zlib', 'none'].includes(value));
      return;
    case 'gelf-compression-level':
      if (kind !== 'udp') refuse('compression is only supported on UDP');
      isKnown(/^(-1|\d)$/.test(value));
      return;
    case 'gelf-tcp-max-reconnect':
    case 'gelf-tcp-reconnect-delay':
      if (kind !== 'tcp') refuse(`"${name}" is only valid for TCP`);
      if (!/^\d{1,9}$/.test(value)) refuse(`"${name}" must be a positive integer`);
      return;
    default:
      if (!plainOptions.has(name)) refuse(`unknown log opt "${name}" for gelf log driver`);
  }
}

function refuse(text: string): never {
  throw new EngineError('invalid', text);
}
