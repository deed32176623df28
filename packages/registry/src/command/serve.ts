import { readFileSync } from 'node:fs';
import { EngineError, FlagError, flagBool, flagText, messageOf, type ParsedFlags } from '@gantry/base';
import { anonymous, type Credentials } from '../client/authorizer.ts';
import { parseGrants } from '../server/auth/grants.ts';
import { openRegistry, type Registry, type RegistryOptions } from '../server/open-registry.ts';
import { AccessLog } from './access-log.ts';
import { claimDirectory } from './control.ts';
import { listen, parseAddress, readTls } from './listen.ts';
import { neededText, optionMs, optionOn, optionText, serveCommand } from './options.ts';

/** How long answers that are on their way may take after SIGTERM. */
const drainMs = 30_000;

/** `gantry registry serve`: all the wiring; then it waits for a signal and takes everything down in reverse. @throws invalid, conflict */
export async function serve(flags: ParsedFlags): Promise<void> {
  const [extra] = flags.rest;
  if (extra !== undefined) throw new FlagError(`unexpected argument: ${extra}`);
  const stopped = stopSignal();
  const settled = settleOptions(flags);
  const gcIntervalMs = optionMs(serveCommand, flags, 'gc-interval');
  const address = parseAddress(optionText(serveCommand, flags, 'listen'));
  const tls = readTls(flagText(flags, 'tls-cert'), flagText(flags, 'tls-key'));
  await using life = new AsyncDisposableStack();
  const claim = life.use(await claimDirectory(settled.directory));
  const log = life.use(new AccessLog((lines) => process.stderr.write(lines)));
  const writesAccess = optionOn(serveCommand, flags, 'access-log');
  const registry = life.use(
    openRegistry({
      ...settled,
      log: (served) => {
        if (writesAccess) log.request(served);
      },
      reportFault: (error) => log.fault('the registry failed', error),
    }),
  );
  claim.serve(registry);
  if (gcIntervalMs > 0) life.use(collectEvery(registry, gcIntervalMs, log));
  const metricsAddress = flagText(flags, 'metrics');
  if (metricsAddress !== undefined) {
    const text = (): Response => new Response(registry.metricsText(), { headers: { 'content-type': 'text/plain' } });
    const metrics = life.use(
      listen(parseAddress(metricsAddress), { fetch: async () => text(), tls: undefined, drainMs: 0 }),
    );
    log.info('serving metrics', { url: `${metrics.url}/metrics` });
  }
  const listener = life.use(listen(address, { fetch: registry.fetch, tls, drainMs }));
  // The one line on stdout: whoever asked for port 0 reads here what it became.
  process.stdout.write(`${listener.url}\n`);
  log.info('serving', { url: listener.url, data: settled.directory });
  log.info('shutting down', { signal: await stopped });
}

type Settled = Omit<RegistryOptions, 'log' | 'reportFault'>;

/** @throws invalid */
function settleOptions(flags: ParsedFlags): Settled {
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
  return { url, credentials: readCredentials(flags), freshMs: optionMs(serveCommand, flags, 'proxy-fresh') };
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

function collectEvery(registry: Registry, intervalMs: number, log: AccessLog): Disposable {
  const timer = setInterval(() => {
    registry.collect().then(
      (collected) => log.info('collected garbage', collected),
      (error: unknown) => log.fault('cannot collect garbage', error),
    );
  }, intervalMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** The first signal ends the registry in order; a second one while it does so ends it at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        resolve(signal);
        process.once(signal, () => process.exit(1));
      });
    }
  });
}
