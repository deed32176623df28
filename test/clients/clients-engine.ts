import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine } from '../harness/engine.ts';

/** What a client test speaks to. */
export type ClientsEngine = AsyncDisposable & {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A command that prints what a URL holds, run where this engine publishes ports. */
  readonly fetchCommand: string;
  /** The real Docker Engine, by which the transcripts are recorded: `GANTRY_TEST_PEER=unix:///… GOLDEN=update`. */
  readonly isPeer: boolean;
};

/** Starts an engine of ours, or goes to the one that GANTRY_TEST_PEER names (with busybox imported before). */
export async function openClientsEngine(): Promise<ClientsEngine> {
  const peer = process.env.GANTRY_TEST_PEER;
  if (peer === undefined) return openOwnEngine();
  const config = mkdtempSync(join(tmpdir(), 'gantry-client-'));
  return {
    environment: clientEnvironment(peer, config),
    fetchCommand: process.env.GANTRY_TEST_PEER_FETCH ?? 'curl -sf',
    isPeer: true,
    [Symbol.asyncDispose]: async () => rmSync(config, { recursive: true }),
  };
}

async function openOwnEngine(): Promise<ClientsEngine> {
  const engine = await startEngine();
  return {
    environment: clientEnvironment(engine.host, join(engine.root, 'client')),
    fetchCommand: 'curl -sf',
    isPeer: false,
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

function clientEnvironment(host: string, config: string): Readonly<Record<string, string | undefined>> {
  return {
    DOCKER_HOST: host,
    DOCKER_CONFIG: config,
    DOCKER_CONTEXT: undefined,
    DOCKER_CLI_HINTS: 'false',
    LC_ALL: 'C',
  };
}
