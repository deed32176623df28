import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError } from './cli-error.ts';
import type { EngineAddress } from './engine-address.ts';
import { Connection } from './http/connection.ts';
import { libc } from './terminal.ts';

export type StartOptions = {
  /** The program and its arguments that serve the engine. */
  readonly command: readonly string[];
  readonly address: Extract<EngineAddress, { kind: 'unix' }>;
};

const startLimitMs = 30_000;
const LOCK_EX = 2;

/**
 * Starts an engine on this machine and waits until it listens.
 *
 * Several clients may ask at once: a file lock lets one of them start it, and the others find it listening. The lock is
 * the kernel's, so a client that is killed leaves nothing to clean up.
 */
export async function startEngine(options: StartOptions): Promise<void> {
  const directory = dirname(options.address.path);
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const lock = openSync(join(directory, 'start.lock'), 'a', 0o600);
  try {
    libc().flock(lock, LOCK_EX);
    using running = await tryConnect(options.address);
    if (running === undefined) await spawnEngine(options);
  } finally {
    closeSync(lock);
  }
}

/** A connection, or undefined when nobody listens there. */
export async function tryConnect(address: EngineAddress): Promise<Connection | undefined> {
  try {
    return await Connection.connect(address);
  } catch {
    // Whatever the reason, nothing answers here; who needs the reason says it with the address.
    return undefined;
  }
}

async function spawnEngine({ command, address }: StartOptions): Promise<void> {
  const logPath = join(dirname(address.path), 'engine.log');
  const log = openSync(logPath, 'a', 0o600);
  const child = Bun.spawn({ cmd: [...command], stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  child.unref();
  const deadline = performance.now() + startLimitMs;
  // The socket appears when the engine is ready; asking for it every few milliseconds is the cheapest way to notice.
  while (performance.now() < deadline) {
    using connection = await tryConnect(address);
    if (connection !== undefined) return;
    if (child.exitCode !== null || child.signalCode !== null) break;
    await Bun.sleep(2);
  }
  const tail = readFileSync(logPath, 'utf8').trim().split('\n').slice(-3).join('\n');
  throw new CliError(`cannot start an engine: it ended before it listened on ${address.url}\n${tail}`, {
    hint: `see ${logPath}, or name a running engine with --host`,
  });
}
