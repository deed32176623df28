import { existsSync, readFileSync } from 'node:fs';
import { maxApiVersion } from '@gantry/api';
import { EngineError, FlagError, flagBool, flagText, isEngineError, messageOf, parseFlags } from '@gantry/base';
import { openEngine } from '@gantry/engine';
import { proxiesOf } from '@gantry/registry';
import manifest from '../package.json' with { type: 'json' };
import { collectImagesWhenQuiet } from './collect-images.ts';
import { type DaemonConfig, daemonDefaults, settleConfig } from './config/config.ts';
import { joinOptions, refuseUnsupported } from './config/given.ts';
import { formatHelp } from './config/help.ts';
import { daemonOptions } from './config/options.ts';
import { openHandlers } from './handlers/handlers.ts';
import { dispatch } from './http/dispatch.ts';
import { listen } from './http/listen.ts';
import type { ServeDeps } from './http/serve-connection.ts';
import { collectWhenIdle } from './idle-memory.ts';
import { type Log, openLog } from './log.ts';
import { lockDataRoot, writePidfile } from './own-root.ts';
import type { DaemonFacts } from './print/system.ts';
import { rehearseStarts } from './rehearse.ts';

/**
 * `gantry daemon`: serves the engine until SIGTERM or SIGINT. Containers go on without it.
 *
 * @param argv the words after `daemon`
 * @returns the exit code
 */
export async function runDaemon(argv: readonly string[]): Promise<number> {
  try {
    const asked = readConfig(argv);
    if (typeof asked === 'string') {
      process.stdout.write(asked);
      return 0;
    }
    await serve(asked);
    return 0;
  } catch (error) {
    if (!isEngineError(error) && !(error instanceof FlagError)) throw error;
    const hint = isEngineError(error) && error.hint !== undefined ? `\n${error.hint}` : '';
    process.stderr.write(`gantry daemon: ${error.message}${hint}\n`);
    return error instanceof FlagError ? 125 : 1;
  }
}

/** The settled configuration, or the text that was asked for instead of a daemon. */
function readConfig(argv: readonly string[]): DaemonConfig | string {
  const flags = parseFlags(argv, daemonOptions);
  if (flagBool(flags, 'help')) return formatHelp();
  if (flagBool(flags, 'version')) return `Gantry version ${manifest.version}\n`;
  const [extra] = flags.rest;
  if (extra !== undefined) throw new FlagError(`unexpected argument: ${extra}`);
  const given = joinOptions(flags, readConfigFile(flagText(flags, 'config-file')));
  refuseUnsupported(given);
  const config = settleConfig(given);
  return flagBool(flags, 'validate') ? 'configuration OK\n' : config;
}

/** A file that was named must be there; the default one may be missing. */
function readConfigFile(named: string | undefined): { path: string; text: string } | undefined {
  const path = named ?? daemonDefaults.configFile;
  if (named === undefined && !existsSync(path)) return undefined;
  try {
    return { path, text: readFileSync(path, 'utf8') };
  } catch (error) {
    throw new EngineError('invalid', `unable to configure the Docker daemon with file ${path}: ${messageOf(error)}`);
  }
}

/** All the wiring: lock, engine, doors; then it waits for the signal to stop and takes everything down in reverse. */
async function serve(config: DaemonConfig): Promise<void> {
  const stopped = stopSignal();
  // A full disk or a reader that is gone costs lines of the log, and not the daemon.
  process.stderr.on('error', () => undefined);
  const log = openLog({
    level: config.logLevel,
    format: config.logFormat,
    write: (line) => process.stderr.write(line),
    now: () => new Date(),
  });
  await using life = new AsyncDisposableStack();
  life.use(lockDataRoot(config.dataRoot));
  life.use(writePidfile(config.pidfile));
  const beforeOpen = performance.now();
  const engine = life.use(await openEngine(engineOptions(config, log)));
  log.debug('engine opened', { ms: Math.round(performance.now() - beforeOpen) });
  const handlers = openHandlers(engine, daemonFacts(config));
  const touch = collectWhenIdle();
  const rehearsal = life.use(rehearseStarts(engine));
  const collection = config.imagePolicy === undefined ? undefined : life.use(collectImagesWhenQuiet(engine, log));
  const answer: ServeDeps['answer'] = (request) => {
    touch();
    rehearsal.touch();
    collection?.touch();
    return dispatch(handlers, request);
  };
  const deps: ServeDeps = { answer, common: commonHeaders, log };
  for (const address of config.hosts) {
    const listener = life.use(await listen(deps, address, { group: config.group }));
    if (address.kind === 'tcp')
      log.warn('whoever reaches this address is root on this machine', { address: listener.address });
    log.info('API listen', { address: listener.address });
  }
  const sinceStartMs = Math.round(performance.now());
  log.info('daemon has completed initialization', { version: manifest.version, pid: process.pid, sinceStartMs });
  const signal = await stopped;
  log.info('daemon is shutting down; containers keep running', { signal });
}

const commonHeaders = {
  'Api-Version': maxApiVersion,
  'Docker-Experimental': 'false',
  Ostype: 'linux',
  Server: `Gantry/${manifest.version} (linux)`,
};

function engineOptions(config: DaemonConfig, log: Log): Parameters<typeof openEngine>[0] {
  const { dataRoot, execRoot, bridge, bip, storageDriver } = config;
  const { logConfig, ulimits, dns, dnsOptions, dnsSearch, shmSizeBytes, init } = config;
  return {
    dataRoot,
    storageDriver,
    execRoot,
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    bridge,
    bip,
    registries: {
      insecure: config.insecureRegistries,
      mirrors: config.registryMirrors,
      configDirs: config.registryConfigDirs,
      proxies: proxiesOf(process.env),
    },
    nondistributable: config.nondistributable,
    imagePolicy: config.imagePolicy,
    defaults: { logConfig, ulimits, dns, dnsOptions, dnsSearch, shmSizeBytes, init },
    report: (what, error) => log.error(what, error === undefined ? {} : { error: messageOf(error) }),
  };
}

function daemonFacts(config: DaemonConfig): DaemonFacts {
  return {
    version: manifest.version,
    gitCommit: '',
    buildTime: '',
    debug: config.debug,
    labels: config.labels,
    logDriver: config.logConfig.type,
    registryMirrors: config.registryMirrors,
    insecureRegistries: config.insecureRegistries,
  };
}

/** The first signal ends the daemon in order; a second one while it does so ends it at once. */
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
