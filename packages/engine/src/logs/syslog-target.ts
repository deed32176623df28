import { EngineError } from '@gantry/base';
import { parseLogAddress } from './address.ts';
import type { Endpoint, LogTarget, SyslogFormat } from './types.ts';

export const syslogOptions = [
  'env',
  'env-regex',
  'labels',
  'labels-regex',
  'syslog-address',
  'syslog-facility',
  'syslog-tls-ca-cert',
  'syslog-tls-cert',
  'syslog-tls-key',
  'syslog-tls-skip-verify',
  'tag',
  'syslog-format',
] as const;

type Options = Readonly<Record<string, string>>;

/** RFC 3164's facilities by number; some have no name of their own. */
const facilities = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['', '', '', ''],
  ...['local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
];
const daemonFacility = 3;
const defaultPort = 514;

/** @throws invalid with Docker's texts */
export function parseSyslogTarget(options: Options): Extract<LogTarget, { kind: 'syslog' }> {
  return {
    kind: 'syslog',
    endpoint: parseEndpoint(options),
    facility: parseFacility(options['syslog-facility'] ?? ''),
    format: parseFormat(options['syslog-format'] ?? ''),
  };
}

function parseEndpoint(options: Options): Endpoint | undefined {
  const address = options['syslog-address'] ?? '';
  if (address === '') return undefined;
  const { scheme, host, port = defaultPort, path } = parseLogAddress(address);
  switch (scheme) {
    case 'unix':
    case 'unixgram':
      return { kind: scheme, path };
    case 'udp':
    case 'tcp':
      return { kind: scheme, host, port };
    case 'tcp+tls': {
      const tls = {
        ca: options['syslog-tls-ca-cert'],
        cert: options['syslog-tls-cert'],
        key: options['syslog-tls-key'],
        // Docker takes any value for yes.
        skipVerify: (options['syslog-tls-skip-verify'] ?? '') !== '',
      };
      return { kind: 'tls', host, port, tls };
    }
    default:
      throw new EngineError('invalid', `unsupported scheme: '${scheme}'`);
  }
}

function parseFacility(text: string): number {
  if (text === '') return daemonFacility;
  const named = facilities.indexOf(text);
  if (named >= 0) return named;
  if (/^\d{1,2}$/.test(text) && Number(text) < facilities.length) return Number(text);
  throw new EngineError('invalid', 'invalid syslog facility');
}

function parseFormat(text: string): SyslogFormat {
  switch (text) {
    case '':
      return 'unix';
    case 'rfc3164':
    case 'rfc5424':
    case 'rfc5424micro':
      return text;
    default:
      throw new EngineError('invalid', 'Invalid syslog format');
  }
}
