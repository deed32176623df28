import { EngineError } from '@gantry/base';

/** What `--security-opt` asks, decoded. undefined: not said, the default holds. */
export type SecurityOptions = {
  readonly noNewPrivileges: boolean;
  readonly writableCgroups: boolean | undefined;
  /** `unconfined`, `builtin` or a profile's JSON text. */
  readonly seccomp: string | undefined;
  readonly apparmor: string | undefined;
  /** SELinux words: `disable`, `type:…`, `level:…`. */
  readonly labels: readonly string[];
};

/**
 * Parses security options in Docker's grammar: `no-new-privileges`, `key=value` or the old `key:value`.
 *
 * `systempaths=unconfined` is turned into empty path lists by clients and is taken here for those that do not.
 *
 * @throws invalid with Docker's text
 */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  let parsed: SecurityOptions = {
    noNewPrivileges: false,
    writableCgroups: undefined,
    seccomp: undefined,
    apparmor: undefined,
    labels: [],
  };
  for (const option of options) parsed = { ...parsed, ...parseOne(option, parsed) };
  return parsed;
}

/** Tells whether the masked and read-only paths are to be cleared. */
export function unmasksSystemPaths(options: readonly string[]): boolean {
  return options.includes('systempaths=unconfined');
}

function parseOne(option: string, before: SecurityOptions): Partial<SecurityOptions> {
  if (option === 'no-new-privileges') return { noNewPrivileges: true };
  if (option === 'writable-cgroups') return { writableCgroups: true };
  if (option === 'disable') return { labels: [...before.labels, 'disable'] };
  const separator = option.includes('=') ? option.indexOf('=') : option.indexOf(':');
  if (separator < 0) throw new EngineError('invalid', `invalid --security-opt 1: ${JSON.stringify(option)}`);
  const value = option.slice(separator + 1);
  switch (option.slice(0, separator)) {
    case 'label':
      return { labels: [...before.labels, value] };
    case 'apparmor':
      return { apparmor: value };
    case 'seccomp':
      return { seccomp: value };
    case 'no-new-privileges':
      return { noNewPrivileges: parseFlag(value, option) };
    case 'writable-cgroups':
      return { writableCgroups: parseFlag(value, option) };
    case 'systempaths':
      if (value === 'unconfined') return {};
      break;
  }
  throw new EngineError('invalid', `invalid --security-opt 2: ${JSON.stringify(option)}`);
}

/** Go's boolean words, which Docker takes. */
function parseFlag(value: string, option: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw new EngineError('invalid', `invalid --security-opt 2: ${JSON.stringify(option)}`);
}
