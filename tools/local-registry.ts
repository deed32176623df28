import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensurePrograms, findProgram } from './bootstrap.ts';

/** A registry on loopback, Debian's `docker-registry`, with its storage in one directory. Ends when disposed. */
export type LocalRegistry = AsyncDisposable & { readonly host: string; readonly pid: number };

const startTimeoutMs = 20_000;

/**
 * Starts it on a free port.
 *
 * @param directory kept from run to run: what was uploaded is still there
 * @param enter words that run the program elsewhere, in another network namespace, which sees `directory` too
 */
export async function startLocalRegistry(directory: string, enter: readonly string[] = []): Promise<LocalRegistry> {
  ensurePrograms('docker-registry');
  const program = findProgram('docker-registry');
  if (program === undefined) throw new Error('unreachable: docker-registry was just installed');
  mkdirSync(directory, { recursive: true });
  const host = `127.0.0.1:${freePort()}`;
  const configuration = mkdtempSync(join(enter.length === 0 ? tmpdir() : dirname(directory), 'gantry-registry-'));
  const file = join(configuration, 'config.yml');
  writeFileSync(file, registryConfiguration(directory, host));
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
  while (!(await answers(host, enter))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      const said = await log.text();
      await stop();
      throw new Error(`cannot start docker-registry on ${host}: ${said}`);
    }
    await Bun.sleep(20);
  }
  return { host, pid: child.pid, [Symbol.asyncDispose]: stop };
}

function registryConfiguration(directory: string, host: string): string {
  return [
    'version: 0.1',
    'log: { level: warn, accesslog: { disabled: true } }',
    `storage: { filesystem: { rootdirectory: ${JSON.stringify(directory)} }, delete: { enabled: true } }`,
    `http: { addr: ${JSON.stringify(host)} }`,
    '',
  ].join('\n');
}

function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function answers(host: string, enter: readonly string[]): Promise<boolean> {
  if (enter.length > 0) return Bun.spawnSync([...enter, 'curl', '-sf', `http://${host}/v2/`]).exitCode === 0;
  try {
    return (await fetch(`http://${host}/v2/`)).ok;
  } catch {
    return false; // not listening yet
  }
}
