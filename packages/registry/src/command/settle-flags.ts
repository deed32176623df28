import { readFileSync } from 'node:fs';
import { EngineError, flagBool, flagText, messageOf, type ParsedFlags } from '@gantry/base';
import { anonymous, type Credentials } from '../client/authorizer.ts';
import { proxiesOf } from '../client/proxy.ts';
import { parseGrants } from '../server/auth/grants.ts';
import type { RegistryOptions } from '../server/open-registry.ts';
import { type Address, parseAddress, readTls, type Tls } from './listen.ts';
import { neededText, optionMs, optionOn, optionText, serveCommand } from './options.ts';

type Settled = Omit<RegistryOptions, 'log' | 'reportFault'>;

/** Everything that `gantry registry serve` is told, settled; files that it names are read. */
export type ServeSettings = {
  readonly registry: Settled;
  readonly listen: Address;
  /** Undefined: figures are served among the rest. */
  readonly metrics: Address | undefined;
  readonly tls: Tls | undefined;
  readonly writesAccessLog: boolean;
  /** 0 for never. */
  readonly gcIntervalMs: number;
};

/** @throws invalid, naming the flag or the file */
export function settleFlags(flags: ParsedFlags): ServeSettings {
  const metrics = flagText(flags, 'metrics');
  return {
    registry: settleRegistry(flags),
    listen: parseAddress(optionText(serveCommand, flags, 'listen')),
    metrics: metrics === undefined ? undefined : parseAddress(metrics),
    tls: readTls(flagText(flags, 'tls-cert'), flagText(flags, 'tls-key')),
    writesAccessLog: optionOn(serveCommand, flags, 'access-log'),
    gcIntervalMs: optionMs(serveCommand, flags, 'gc-interval'),
  };
}

function settleRegistry(flags: ParsedFlags): Settled {
  const ms = (name: string): number => optionMs(serveCommand, flags, name);
  return {
    directory: neededText(flags, 'data'),
    users: readUsers(flags),
    upstream: readUpstream(flags),
    allowsSparse: flagBool(flags, 'allow-sparse'),
    collect: {
      graceMs: ms('gc-grace'),
      uploadExpiryMs: ms('upload-expiry'),
      untagged: flagBool(flags, 'gc-untagged'),
      unusedMs: flags.values.has('proxy') ? ms('proxy-keep') : undefined,
    },
    servesMetrics: flagText(flags, 'metrics') === undefined,
    now: Date.now,
  };
}

function readUsers(flags: ParsedFlags): Settled['users'] {
  const htpasswdFile = flagText(flags, 'htpasswd');
  const grantsFile = flagText(flags, 'grants');
  const tokens = flagBool(flags, 'tokens') || flags.values.has('token-realm');
  if (htpasswdFile === undefined) {
    if (grantsFile !== undefined || tokens) throw new EngineError('invalid', '--grants and --tokens need --htpasswd');
    return undefined;
  }
  return {
    htpasswdFile,
    grants: grantsFile === undefined ? undefined : parseGrants(readFile(grantsFile, 'grants file')),
    tokens: tokens ? { realm: flagText(flags, 'token-realm') } : undefined,
  };
}

function readUpstream(flags: ParsedFlags): Settled['upstream'] {
  const text = flagText(flags, 'proxy');
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.pathname !== '/')
    throw new EngineError('invalid', `invalid value "${text}" of --proxy: use a URL such as https://registry.example`);
  const freshMs = optionMs(serveCommand, flags, 'proxy-fresh');
  return { url, credentials: readCredentials(flags), proxies: proxiesOf(process.env), freshMs };
}

function readCredentials(flags: ParsedFlags): Credentials {
  const username = flagText(flags, 'proxy-user');
  const passwordFile = flagText(flags, 'proxy-password-file');
  if ((username === undefined) !== (passwordFile === undefined))
    throw new EngineError('invalid', '--proxy-user and --proxy-password-file need each other');
  if (username === undefined || passwordFile === undefined) return anonymous;
  return { ...anonymous, username, password: readFile(passwordFile, 'password file').trimEnd() };
}

function readFile(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new EngineError('invalid', `cannot read ${what}: ${messageOf(error)}`);
  }
}
