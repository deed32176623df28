import { expect, test } from 'bun:test';
import { parseRotation } from './rotation.ts';
import { checkLogService, isReadable, parseLogTarget, settleLogConfig } from './settle-config.ts';

type Options = Readonly<Record<string, string>>;
const jsonFile = { type: 'json-file', config: {} };
const settle = (type: string, config: Options = {}): void =>
  checkLogService(settleLogConfig({ type, config }, jsonFile));
const atStart = 'failed to create task for container: failed to initialize logging driver: ';
const udp = { 'gelf-address': 'udp://127.0.0.1:1' };
const tcp = { 'gelf-address': 'tcp://127.0.0.1:1' };

test.each<[string, Options, string]>([
  ['nosuch', {}, 'error looking up logging plugin nosuch: plugin "nosuch" not found'],
  ['json-file', { odd: '1' }, "unknown log opt 'odd' for json-file log driver"],
  ['json-file', { 'cache-odd': '1' }, "unknown log opt 'cache-odd' for json-file log driver"],
  ['json-file', { mode: 'odd' }, 'logger: logging mode not supported: odd'],
  [
    'json-file',
    { 'max-buffer-size': '1m' },
    "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
  ],
  [
    'json-file',
    { mode: 'non-blocking', 'max-buffer-size': 'x' },
    "error parsing option max-buffer-size: invalid size: 'x'",
  ],
  ['json-file', { 'cache-disabled': 'odd' }, 'invalid value for option cache-disabled: odd'],
  ['json-file', { 'max-size': 'odd' }, `${atStart}invalid size: 'odd'`],
  ['json-file', { 'max-size': '0' }, `${atStart}max-size must be a positive number`],
  ['json-file', { 'max-file': '0', 'max-size': '1m' }, `${atStart}max-file cannot be less than 1`],
  ['json-file', { 'max-file': 'odd' }, `${atStart}strconv.Atoi: parsing "odd": invalid syntax`],
  ['json-file', { compress: 'odd' }, `${atStart}strconv.ParseBool: parsing "odd": invalid syntax`],
  [
    'json-file',
    { compress: 'true', 'max-file': '1' },
    `${atStart}compress cannot be true when max-file is less than 2 or max-size is not set`,
  ],
  [
    'json-file',
    { tag: 'a {{.Nope}}' },
    `${atStart}template: log-tag:1:4: executing "log-tag" at <.Nope>: can't evaluate field Nope in type *logger.Info`,
  ],
  ['json-file', { tag: '{{.Name' }, `${atStart}template: log-tag:1: unclosed action`],
  ['json-file', { 'labels-regex': '(' }, `${atStart}error parsing regexp: `],
  ['local', { odd: '1' }, "unknown log opt 'odd' for log driver local"],
  ['local', { env: 'A' }, "unknown log opt 'env' for log driver local"],
  ['local', { 'max-size': 'odd' }, `${atStart}invalid value for max-size: odd: invalid size: 'odd'`],
  ['local', { 'max-file': '1' }, `${atStart}compression cannot be enabled when max file count is 1`],
  [
    'local',
    { 'max-file': 'odd' },
    `${atStart}invalid value for max-file: odd: strconv.Atoi: parsing "odd": invalid syntax`,
  ],
  [
    'local',
    { compress: 'odd' },
    `${atStart}error reading compress log option: strconv.ParseBool: parsing "odd": invalid syntax`,
  ],
  ['syslog', { odd: '1' }, "unknown log opt 'odd' for syslog log driver"],
  ['syslog', { 'syslog-address': 'odd' }, "unsupported scheme: ''"],
  ['syslog', { 'syslog-address': 'http://x' }, "unsupported scheme: 'http'"],
  ['syslog', { 'syslog-address': 'unix:///nosuch' }, 'stat /nosuch: no such file or directory'],
  ['syslog', { 'syslog-address': 'udp://a:b:c' }, 'parse "udp://a:b:c": invalid port ":c" after host'],
  ['syslog', { 'syslog-facility': 'odd' }, 'invalid syslog facility'],
  ['syslog', { 'syslog-facility': '99' }, 'invalid syslog facility'],
  ['syslog', { 'syslog-format': 'odd' }, 'Invalid syslog format'],
  ['journald', { odd: '1' }, "unknown log opt 'odd' for journald log driver"],
  ['gelf', {}, 'gelf-address is a required parameter'],
  ['gelf', { 'gelf-address': 'odd' }, 'gelf: endpoint needs to be TCP or UDP'],
  ['gelf', { 'gelf-address': 'udp://x' }, 'gelf: please provide gelf-address as proto://host:port'],
  [
    'gelf',
    { ...udp, 'gelf-compression-type': 'odd' },
    'unknown value "odd" for log opt "gelf-compression-type" for gelf log driver',
  ],
  [
    'gelf',
    { ...udp, 'gelf-compression-level': '10' },
    'unknown value "10" for log opt "gelf-compression-level" for gelf log driver',
  ],
  ['gelf', { ...udp, 'gelf-tcp-max-reconnect': '1' }, '"gelf-tcp-max-reconnect" is only valid for TCP'],
  ['gelf', { ...tcp, 'gelf-tcp-reconnect-delay': 'x' }, '"gelf-tcp-reconnect-delay" must be a positive integer'],
  ['gelf', { ...tcp, 'gelf-compression-type': 'gzip' }, 'compression is only supported on UDP'],
  ['fluentd', { odd: '1' }, "unknown log opt 'odd' for fluentd log driver"],
  ['fluentd', { 'fluentd-address': 'odd://x' }, "invalid fluentd-address (odd://x): unsupported scheme: 'odd'"],
  [
    'fluentd',
    { 'fluentd-address': 'tcp://x:y' },
    'invalid fluentd-address (tcp://x:y): parse "tcp://x:y": invalid port ":y" after host',
  ],
  ['fluentd', { 'fluentd-address': 'unix://' }, 'invalid fluentd-address (unix://): path is empty'],
  [
    'fluentd',
    { 'fluentd-address': 'tcp://1.2.3.4/path' },
    'invalid fluentd-address (tcp://1.2.3.4/path): should not contain a path element',
  ],
  ['fluentd', { 'fluentd-async': 'odd' }, 'strconv.ParseBool: parsing "odd": invalid syntax'],
  [
    'fluentd',
    { 'fluentd-async-reconnect-interval': '1h' },
    'invalid value for fluentd-async-reconnect-interval: value ("1h0m0s") must be between 100ms and 10s',
  ],
  ['fluentd', { 'fluentd-max-retries': 'odd' }, 'strconv.ParseUint: parsing "odd": invalid syntax'],
  ['fluentd', { 'fluentd-buffer-limit': 'odd' }, "invalid size: 'odd'"],
  ['fluentd', { 'fluentd-retry-wait': 'odd' }, 'time: invalid duration "odd"'],
  [
    'fluentd',
    { 'fluentd-write-timeout': 'odd' },
    'invalid value for fluentd-write-timeout: value must be a duration: time: invalid duration "odd"',
  ],
])('the log options of %s, %j, are refused as by Docker', (type, config, text) => {
  expect(() => settle(type, config)).toThrow(text);
});

test('a container takes over options of the daemon’s own driver, and those of the cache for every driver', () => {
  const defaults = { type: 'json-file', config: { 'max-size': '1m', 'max-file': '3', 'cache-disabled': 'true' } };
  const settled = (type: string, config: Options = {}) => settleLogConfig({ type, config }, defaults);
  expect(settled('', { 'max-file': '2' })).toEqual({
    type: 'json-file',
    config: { 'max-size': '1m', 'max-file': '2', 'cache-disabled': 'true' },
  });
  expect(settled('journald')).toEqual({ type: 'journald', config: { 'cache-disabled': 'true' } });
});

test('options come to where lines go', () => {
  expect(parseLogTarget({ type: 'syslog', config: {} })).toEqual({
    kind: 'syslog',
    endpoint: undefined,
    facility: 3,
    format: 'unix',
  });
  expect(
    parseLogTarget({
      type: 'syslog',
      config: { 'syslog-address': 'tcp://[::1]', 'syslog-facility': 'local7', 'syslog-format': 'rfc5424micro' },
    }),
  ).toEqual({
    kind: 'syslog',
    endpoint: { kind: 'tcp', host: '::1', port: 514 },
    facility: 23,
    format: 'rfc5424micro',
  });
  expect(parseLogTarget({ type: 'gelf', config: udp })).toMatchObject({ compression: 'gzip', level: 1 });
  expect(parseLogTarget({ type: 'fluentd', config: {} })).toMatchObject({
    endpoint: { kind: 'tcp', host: '127.0.0.1', port: 24224 },
    requestAck: false,
  });
});

test('every log has a bound of its own accord', () => {
  const bound = { maxSizeBytes: 20 * 2 ** 20, maxFiles: 5 };
  expect(parseRotation('json-file', {})).toEqual({ ...bound, compress: false });
  expect(parseRotation('local', {})).toEqual({ ...bound, compress: true });
  expect(parseRotation('gelf', { 'cache-max-size': '1m' })).toEqual({
    maxSizeBytes: 2 ** 20,
    maxFiles: 5,
    compress: true,
  });
  expect(parseRotation('json-file', { 'max-size': '-1', 'max-file': '7' })).toMatchObject({
    maxSizeBytes: 0,
    maxFiles: 1,
  });
});

test('a log is read unless there is none, or its cache was disabled', () => {
  expect(
    [
      ['json-file', 'true'],
      ['local', 'false'],
      ['none', 'false'],
      ['gelf', 'false'],
      ['gelf', '1'],
    ].map(([type = '', disabled = '']) => isReadable({ type, config: { 'cache-disabled': disabled } })),
  ).toEqual([true, true, false, true, false]);
});
