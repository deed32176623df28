import { CliError } from './cli-error.ts';

/** Where an engine listens. */
export type EngineAddress = { readonly url: string } & (
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
);

/** Where our own engine listens when nobody says otherwise. */
export const defaultEngineUrl = 'unix:///run/gantry/gantry.sock';

/** An address, and whether somebody named it: only an unnamed one may be started by the client. */
export type EngineChoice = { readonly address: EngineAddress; readonly isNamed: boolean };

/** Chooses the engine: `--host`, then GANTRY_HOST, then DOCKER_HOST, then our default socket. */
export function chooseEngine(
  hosts: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): EngineChoice {
  if (hosts.length > 1) throw new CliError('specify only one -H');
  const named = hosts[0] || environment.GANTRY_HOST || environment.DOCKER_HOST;
  return { address: parseEngineAddress(named || defaultEngineUrl), isNamed: Boolean(named) };
}

/** Reads `unix:///path`, `tcp://host:port`, `/path` or `host:port` as Docker's `--host` does. */
export function parseEngineAddress(text: string): EngineAddress {
  const url = text.trim();
  if (url.startsWith('unix://') || url.startsWith('/')) {
    const path = url.replace(/^unix:\/\//, '');
    return { kind: 'unix', url: `unix://${path}`, path };
  }
  const scheme = /^([a-z]+):\/\//.exec(url)?.[1] ?? 'tcp';
  if (scheme !== 'tcp' && scheme !== 'http') {
    const why =
      scheme === 'ssh' || scheme === 'https' ? `${scheme}:// is not supported yet` : 'invalid bind address format';
    throw new CliError(`cannot use engine address "${url}": ${why}`, { hint: 'use unix:///path or tcp://host:port' });
  }
  const match = /^(?:[a-z]+:\/\/)?(\[[^\]]+\]|[^:/]*)(?::(\d+))?\/?$/.exec(url);
  if (match === null) throw new CliError(`invalid bind address format: ${url}`);
  const host = (match[1] || 'localhost').replace(/^\[|\]$/g, '');
  return { kind: 'tcp', url, host, port: Number(match[2] ?? 2375) };
}
