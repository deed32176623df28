import { existsSync } from 'node:fs';
import { EngineError, messageOf, parseSize } from '@gantry/base';
import { pickAttributes } from './attributes.ts';
import { fluentdOptions, parseFluentdTarget } from './fluentd-target.ts';
import { parseGelfTarget } from './gelf-target.ts';
import { parseGoBool } from './go-values.ts';
import { findLocalSyslog, journalSocket } from './local-services.ts';
import { parseRotation } from './rotation.ts';
import { parseSyslogTarget, syslogOptions } from './syslog-target.ts';
import { formatTag } from './tag.ts';
import type { LogTarget } from './types.ts';

/** As a create request and daemon.json give it. */
export type LogConfig = { readonly type: string; readonly config: Readonly<Record<string, string>> };

/** All of them, as `info` lists them; `none` is not listed. */
export const logDrivers: readonly string[] = ['fluentd', 'gelf', 'journald', 'json-file', 'local', 'syslog'];

const cacheOptions = ['cache-disabled', 'cache-max-size', 'cache-max-file', 'cache-compress'];
/** Options of every driver. */
const commonOptions = new Set(['mode', 'max-buffer-size', ...cacheOptions]);
const attributeOptions = ['env', 'env-regex', 'labels', 'labels-regex', 'tag'] as const;
const ownOptions: Readonly<Record<string, readonly string[]>> = {
  'json-file': [...attributeOptions, 'max-file', 'max-size', 'compress'],
  local: ['max-file', 'max-size', 'compress'],
  syslog: syslogOptions,
  journald: attributeOptions,
  fluentd: fluentdOptions,
};

/**
 * Lays a container's log options over the daemon's, and checks them.
 *
 * @throws invalid with Docker's texts; wrong values, which Docker finds at the start, are told at the creation
 */
export function settleLogConfig(asked: LogConfig, defaults: LogConfig): LogConfig {
  const type = asked.type === '' ? defaults.type : asked.type;
  const inherited = Object.entries(defaults.config).filter(
    ([name]) => type === defaults.type || cacheOptions.includes(name),
  );
  const settled = { type, config: { ...Object.fromEntries(inherited), ...asked.config } };
  checkLogConfig(settled);
  return settled;
}

/** @throws invalid */
function checkLogConfig({ type, config }: LogConfig): void {
  if (type !== 'none' && !logDrivers.includes(type))
    throw new EngineError('invalid', `error looking up logging plugin ${type}: plugin "${type}" not found`, {
      hint: `log plugins are not supported: use ${logDrivers.join(', ')} or none`,
    });
  if (type === 'none') return;
  checkCommon(config);
  const own = Object.fromEntries(Object.entries(config).filter(([name]) => !commonOptions.has(name)));
  const known = ownOptions[type];
  for (const name of Object.keys(own))
    if (known?.includes(name) === false)
      refuse(`unknown log opt '${name}' for ${type === 'local' ? 'log driver local' : `${type} log driver`}`);
  parseLogTarget({ type, config });
  try {
    parseRotation(type, config);
    formatTag(config.tag ?? '', { id: '', name: '', imageId: '', imageName: '', attributes: {} });
    pickAttributes({ labels: {}, env: [] }, config);
  } catch (cause) {
    refuseAtStart(messageOf(cause), cause);
  }
}

/**
 * A service of this machine that is not there will hardly come: that is told at the creation, while another machine that
 * is down is waited for.
 *
 * @throws invalid with Docker's texts
 */
export function checkLogService(config: LogConfig): void {
  const target = parseLogTarget(config);
  switch (target.kind) {
    case 'journald':
      if (!existsSync(target.path)) refuseAtStart('journald is not enabled on this host');
      return;
    case 'syslog': {
      const { endpoint } = target;
      if (endpoint === undefined && findLocalSyslog() === undefined) refuseAtStart('Unix syslog delivery error');
      if (endpoint !== undefined && 'path' in endpoint && !existsSync(endpoint.path))
        refuse(`stat ${endpoint.path}: no such file or directory`);
      return;
    }
    case 'none':
    case 'file':
    case 'gelf':
    case 'fluentd':
      return;
  }
}

/** What Docker finds at the start, in its words; here it is told at the creation. */
function refuseAtStart(text: string, cause?: unknown): never {
  throw new EngineError(
    'invalid',
    `failed to create task for container: failed to initialize logging driver: ${text}`,
    { cause },
  );
}

function checkCommon(config: LogConfig['config']): void {
  const { mode = '' } = config;
  if (mode !== '' && mode !== 'blocking' && mode !== 'non-blocking')
    refuse(`logger: logging mode not supported: ${mode}`);
  const buffer = config['max-buffer-size'];
  if (buffer !== undefined) {
    if (mode !== 'non-blocking') refuse("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
    try {
      parseSize(buffer);
    } catch (cause) {
      throw new EngineError('invalid', `error parsing option max-buffer-size: ${messageOf(cause)}`, { cause });
    }
  }
  const disabled = config['cache-disabled'] ?? '';
  try {
    if (disabled !== '') parseGoBool(disabled);
  } catch {
    refuse(`invalid value for option cache-disabled: ${disabled}`);
  }
}

/** What the options come to, without their rotation. @throws invalid with Docker's texts */
export function parseLogTarget({ type, config }: LogConfig): LogTarget {
  switch (type) {
    case 'none':
      return { kind: 'none' };
    case 'syslog':
      return parseSyslogTarget(config);
    case 'journald':
      return { kind: 'journald', path: journalSocket };
    case 'gelf':
      return parseGelfTarget(Object.fromEntries(Object.entries(config).filter(([name]) => !commonOptions.has(name))));
    case 'fluentd':
      return parseFluentdTarget(config);
    default:
      return { kind: 'file' };
  }
}

/** Tells whether `docker logs` is answered: there is a file, and nobody asked that it be kept from readers. */
export function isReadable({ type, config }: LogConfig): boolean {
  if (type === 'json-file' || type === 'local') return true;
  return type !== 'none' && !parseGoBool(config['cache-disabled'] || 'false');
}

function refuse(text: string): never {
  throw new EngineError('invalid', text);
}
