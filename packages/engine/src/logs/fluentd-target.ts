import { EngineError, messageOf, parseSize } from '@gantry/base';
import { parseLogAddress } from './address.ts';
import { parseGoBool, parseGoDuration, parseGoInt } from './go-values.ts';
import type { Endpoint, LogTarget } from './types.ts';

export const fluentdOptions = [
  'env',
  'env-regex',
  'labels',
  'labels-regex',
  'tag',
  'fluentd-address',
  'fluentd-async',
  'fluentd-async-reconnect-interval',
  'fluentd-buffer-limit',
  'fluentd-max-retries',
  'fluentd-request-ack',
  'fluentd-retry-wait',
  'fluentd-sub-second-precision',
  'fluentd-write-timeout',
] as const;

type Options = Readonly<Record<string, string>>;

const defaultHost = '127.0.0.1';
const defaultPort = 24224;
const defaultRetryMs = 1000;

/**
 * Every option is checked; those of Docker's own buffer and patience decide nothing, since lines wait in the local file
 * for as long as it takes.
 *
 * @throws invalid with Docker's texts
 */
export function parseFluentdTarget(options: Options): Extract<LogTarget, { kind: 'fluentd' }> {
  const bool = (name: string): boolean => parseGoBool(options[name] || 'false');
  if (options['fluentd-buffer-limit']) parseSize(options['fluentd-buffer-limit']);
  if (options['fluentd-max-retries']) parseGoInt(options['fluentd-max-retries'], 'ParseUint');
  if (options['fluentd-write-timeout'])
    named('fluentd-write-timeout: value must be a duration', () =>
      parseGoDuration(options['fluentd-write-timeout'] ?? ''),
    );
  bool('fluentd-async');
  checkInterval(options['fluentd-async-reconnect-interval'] ?? '');
  return {
    kind: 'fluentd',
    endpoint: parseEndpoint(options['fluentd-address'] ?? ''),
    subSecond: bool('fluentd-sub-second-precision'),
    requestAck: bool('fluentd-request-ack'),
    retryMs: options['fluentd-retry-wait'] ? parseGoDuration(options['fluentd-retry-wait']) : defaultRetryMs,
  };
}

function parseEndpoint(address: string): Endpoint {
  if (address === '') return { kind: 'tcp', host: defaultHost, port: defaultPort };
  const refuse = (why: string): never => {
    throw new EngineError('invalid', `invalid fluentd-address (${address}): ${why}`);
  };
  let parsed: ReturnType<typeof parseLogAddress>;
  try {
    parsed = parseLogAddress(address.includes('://') ? address : `tcp://${address}`);
  } catch (error) {
    return refuse(messageOf(error));
  }
  const { scheme, host, port = defaultPort, path } = parsed;
  switch (scheme) {
    case 'unix':
      return path.replace(/^\/+/, '') === '' ? refuse('path is empty') : { kind: 'unix', path };
    case 'tcp':
    case 'tls':
      if (path !== '') refuse('should not contain a path element');
      return scheme === 'tcp'
        ? { kind: 'tcp', host, port }
        : { kind: 'tls', host, port, tls: { ca: undefined, cert: undefined, key: undefined, skipVerify: false } };
    default:
      return refuse(`unsupported scheme: '${scheme}'`);
  }
}

function checkInterval(text: string): void {
  if (text === '') return;
  const name = 'fluentd-async-reconnect-interval';
  const ms = named(name, () => parseGoDuration(text));
  if (ms < 100 || ms > 10_000)
    throw new EngineError(
      'invalid',
      `invalid value for ${name}: value ("${formatGoDuration(ms)}") must be between 100ms and 10s`,
    );
}

/** As Go prints a duration: `1h0m0s`, `1.5s`, `50ms`. */
function formatGoDuration(ms: number): string {
  if (ms !== 0 && Math.abs(ms) < 1000) return `${ms}ms`;
  const seconds = ms / 1000;
  const [hours, minutes] = [Math.trunc(seconds / 3600), Math.trunc((seconds % 3600) / 60)];
  const rest = `${seconds % 60}s`;
  return hours !== 0 ? `${hours}h${minutes}m${rest}` : minutes !== 0 ? `${minutes}m${rest}` : rest;
}

function named<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new EngineError('invalid', `invalid value for ${name}: ${messageOf(cause)}`, { cause });
  }
}
