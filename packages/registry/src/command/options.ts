import { EngineError, type FlagSpec, flagBool, flagText, type ParsedFlags } from '@gantry/base';
import { parseDuration } from './duration.ts';

/** One flag, with what its help says. */
export type OptionRow = FlagSpec & {
  readonly help: string;
  /** What counts when it is not given; shown in the help. */
  readonly otherwise?: string;
};

/** A command of `gantry registry`. */
export type CommandRow = { readonly usage: string; readonly about: string; readonly options: readonly OptionRow[] };

const help: OptionRow = { name: 'help', short: 'h', kind: 'bool', help: 'Print usage' };
const data: OptionRow = { name: 'data', kind: 'string', help: 'Directory that holds everything' };
const grace: OptionRow = {
  name: 'gc-grace',
  kind: 'string',
  help: 'How long a blob that nothing refers to is kept',
  otherwise: '24h',
};
const untagged: OptionRow = {
  name: 'gc-untagged',
  kind: 'bool',
  help: 'Collect manifests without a tag too, unless an index has them',
};
const uploadExpiry: OptionRow = {
  name: 'upload-expiry',
  kind: 'string',
  help: 'How long an upload that nobody goes on with is kept',
  otherwise: '168h',
};

export const serveCommand: CommandRow = {
  usage: 'gantry registry serve --data DIR [OPTIONS]',
  about: 'Serve a registry until SIGTERM.',
  options: [
    { name: 'access-log', kind: 'bool', help: 'Write a line to stderr for each request', otherwise: 'true' },
    { name: 'allow-sparse', kind: 'bool', help: 'Take manifests whose blobs or manifests are not here' },
    data,
    grace,
    { name: 'gc-interval', kind: 'string', help: 'Collect garbage this often; 0 for never', otherwise: '1h' },
    untagged,
    { name: 'grants', kind: 'string', help: 'JSON file: who may read, write and delete which repositories' },
    help,
    { name: 'htpasswd', kind: 'string', help: 'Users and their bcrypt hashes; without it everyone may do everything' },
    { name: 'listen', kind: 'string', help: 'Address and port to serve on', otherwise: '127.0.0.1:5000' },
    { name: 'metrics', kind: 'string', help: 'Serve /metrics on this address, and not among the rest' },
    { name: 'proxy', kind: 'string', help: 'URL of a registry to be a pull-through cache of' },
    { name: 'proxy-fresh', kind: 'string', help: 'How long a tag is served without asking again', otherwise: '1m' },
    { name: 'proxy-keep', kind: 'string', help: 'How long what nobody asks for is kept', otherwise: '168h' },
    { name: 'proxy-password-file', kind: 'string', help: 'File with the password for the proxied registry' },
    { name: 'proxy-user', kind: 'string', help: 'User at the proxied registry' },
    { name: 'tls-cert', kind: 'string', help: 'Certificate chain to serve with, in PEM' },
    { name: 'tls-key', kind: 'string', help: 'Key of the certificate, in PEM' },
    { name: 'token-realm', kind: 'string', help: 'URL of /token as clients reach it, when that differs' },
    { name: 'tokens', kind: 'bool', help: 'Have clients get tokens instead of sending passwords each time' },
    uploadExpiry,
  ],
};

export const gcCommand: CommandRow = {
  usage: 'gantry registry gc --data DIR [OPTIONS]',
  about: 'Collect garbage: in the registry that serves DIR, or here when none does.',
  options: [data, grace, untagged, help, uploadExpiry],
};

/** A flag's text, or what counts without it. */
export function optionText({ options }: CommandRow, flags: ParsedFlags, name: string): string {
  return flagText(flags, name) ?? options.find((row) => row.name === name)?.otherwise ?? '';
}

/** A flag's duration in milliseconds. @throws invalid */
export function optionMs(command: CommandRow, flags: ParsedFlags, name: string): number {
  return parseDuration(optionText(command, flags, name), name);
}

/** A switch, which may be on when it is not given. */
export function optionOn({ options }: CommandRow, flags: ParsedFlags, name: string): boolean {
  if (flags.values.has(name)) return flagBool(flags, name);
  return options.find((row) => row.name === name)?.otherwise === 'true';
}

/** @throws invalid when it was not given */
export function neededText(flags: ParsedFlags, name: string): string {
  const text = flagText(flags, name);
  if (text === undefined || text === '') throw new EngineError('invalid', `--${name} is needed`);
  return text;
}

const typeWords = { bool: '', string: 'string', list: 'list', int: 'int' } as const;

/** The help text of a command, printed from its table. */
export function formatHelp({ usage, about, options }: CommandRow): string {
  const rows = options.map((row) => {
    const short = row.short === undefined ? '    ' : `-${row.short}, `;
    const otherwise = row.otherwise === undefined ? '' : ` (default ${row.otherwise})`;
    return { left: `  ${short}--${row.name} ${typeWords[row.kind]}`.trimEnd(), right: `${row.help}${otherwise}` };
  });
  const width = Math.max(...rows.map(({ left }) => left.length)) + 3;
  const lines = rows.map(({ left, right }) => `${left.padEnd(width)}${right}`);
  return `Usage:  ${usage}\n\n${about}\n\nOptions:\n${lines.join('\n')}\n`;
}
