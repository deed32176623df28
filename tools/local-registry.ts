import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensurePrograms, findProgram } from './bootstrap.ts';

/** A registry on loopback, Debian's `docker-registry`, with its storage in one directory. Ends when disposed. */
export type LocalRegistry = AsyncDisposable & { readonly host: string; readonly pid: number };

const startTimeoutMs = 20_000;

export type RegistryOptions = {
  /** Words that run the program elsewhere, in another network namespace, which sees the directory too. */
  readonly enter?: readonly string[];
  /** Nobody else gets in. */
  readonly user?: { readonly name: string; readonly password: string };
  /** Only who brings a token of this service gets in. */
  readonly tokens?: { readonly realm: string; readonly certificate: string };
  /** PEM files; with `authority` only clients that it vouches for get in. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly authority?: string };
};

/**
 * Starts it on a free port.
 *
 * @param directory kept from run to run: what was uploaded is still there
 */
export async function startLocalRegistry(directory: string, options: RegistryOptions = {}): Promise<LocalRegistry> {
  const { enter = [] } = options;
  ensurePrograms('docker-registry');
  const program = findProgram('docker-registry');
  if (program === undefined) throw new Error('unreachable: docker-registry was just installed');
  mkdirSync(directory, { recursive: true });
  const host = `127.0.0.1:${freePort()}`;
  const configuration = mkdtempSync(join(enter.length === 0 ? tmpdir() : dirname(directory), 'gantry-registry-'));
  const file = join(configuration, 'config.yml');
  writeFileSync(file, registryConfiguration(host, { directory, configuration }, options));
  const log = Bun.file(join(configuration, 'log'));
  const child = Bun.spawn([...enter, enter.length === 0 ? program : 'docker-registry', 'serve', file], {
    stdin: 'ignore',
    stdout: log,
    stderr: log,
  });
  const stop = async (): Promise<void> => {
    child.kill();
    await child.exited;
    rmSync(configuration, { recursive: true, force: true });
  };
  const deadline = performance.now() + startTimeoutMs;
  while (!(await answers(host, options))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      const said = await log.text();
      await stop();
      throw new Error(`cannot start docker-registry on ${host}: ${said}`);
    }
    await Bun.sleep(20);
  }
  return { host, pid: child.pid, [Symbol.asyncDispose]: stop };
}

function registryConfiguration(
  host: string,
  { directory, configuration }: { readonly directory: string; readonly configuration: string },
  { user, tls, tokens }: RegistryOptions,
): string {
  const passwords = join(configuration, 'htpasswd');
  if (user !== undefined) {
    const hash = Bun.password.hashSync(user.password, { algorithm: 'bcrypt', cost: 4 });
    writeFileSync(passwords, `${user.name}:${hash.replace('$2b$', '$2y$')}\n`);
  }
  const { certificate, key, authority } = tls ?? {};
  const authorities = authority === undefined ? {} : { clientcas: [authority] };
  // JSON is YAML.
  return JSON.stringify({
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: directory }, delete: { enabled: true } },
    http: { addr: host, relativeurls: true, ...(tls !== undefined && { tls: { certificate, key, ...authorities } }) },
    // Layers that somebody else serves may be named.
    validation: { manifests: { urls: { allow: ['^https?://'] } } },
    ...(tokens !== undefined && {
      auth: {
        token: { realm: tokens.realm, service: 'registry', issuer: 'tests', rootcertbundle: tokens.certificate },
      },
    }),
    ...(user !== undefined && { auth: { htpasswd: { realm: 'test', path: passwords } } }),
  });
}

function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function answers(host: string, { enter = [], tls }: RegistryOptions): Promise<boolean> {
  if (enter.length > 0) return Bun.spawnSync([...enter, 'curl', '-sf', `http://${host}/v2/`]).exitCode === 0;
  if (tls?.authority !== undefined) return await acceptsConnections(host);
  try {
    const url = `${tls === undefined ? 'http' : 'https'}://${host}/v2/`;
    return (await fetch(url, { tls: { rejectUnauthorized: false } })).status < 500;
  } catch {
    return false; // not listening yet
  }
}

/** All that can be known of a server that wants a certificate of its clients. */
async function acceptsConnections(host: string): Promise<boolean> {
  const [hostname = '', port = ''] = host.split(':');
  try {
    const socket = await Bun.connect({ hostname, port: Number(port), socket: { data: () => undefined } });
    socket.end();
    return true;
  } catch {
    return false; // not listening yet
  }
}
