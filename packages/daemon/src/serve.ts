import { readFileSync } from 'node:fs';
import { maxApiVersion } from '@gantry/api';
import { EngineError, messageOf } from '@gantry/base';
import { type Engine, openEngine } from '@gantry/engine';
import { proxiesOf } from '@gantry/registry';
import manifest from '../package.json' with { type: 'json' };
import type { DaemonConfig } from './config/config.ts';
import { reloadAttributes, reloadConfig, type Settings } from './config/reload.ts';
import { openHandlers } from './handlers/handlers.ts';
import { dispatch } from './http/dispatch.ts';
import { listen } from './http/listen.ts';
import type { ServeDeps } from './http/serve-connection.ts';
import { collectWhenIdle } from './idle-memory.ts';
import { type Log, openLog } from './log.ts';
import { createRequests } from './metrics/requests.ts';
import { lockDataRoot, writePidfile } from './own-root.ts';
import type { DaemonFacts } from './print/system.ts';
import { rehearseStarts } from './rehearse.ts';
import { hearSignal, stopSignal } from './signals.ts';

/** How a daemon was started. `readAgain` settles the same command line with the file as it is now. */
export type Start = { readonly config: DaemonConfig; readonly readAgain: () => DaemonConfig };

/** All the wiring: lock, engine, doors; then it waits for the signal to stop and takes everything down in reverse. */
export async function serve({ config, readAgain }: Start): Promise<void> {
  const stopped = stopSignal();
  const hangup = hearSignal('SIGHUP');
  // A full disk or a reader that is gone costs lines of the log, and not the daemon.
  process.stderr.on('error', () => undefined);
  const settings: Settings = { config };
  const log = openLog({
    level: () => settings.config.logLevel,
    format: config.logFormat,
    write: (line) => process.stderr.write(line),
    now: () => new Date(),
  });
  await using life = new AsyncDisposableStack();
  life.use(lockDataRoot(config.dataRoot));
  life.use(writePidfile(config.pidfile));
  const beforeOpen = performance.now();
  const engine = life.use(await openEngine(engineOptions(settings, log)));
  log.debug('engine opened', { ms: Math.round(performance.now() - beforeOpen) });
  const requests = createRequests(() => performance.now());
  const handlers = openHandlers(engine, daemonFacts(settings), requests);
  const touch = collectWhenIdle();
  const rehearsal = life.use(rehearseStarts(engine));
  const answer: ServeDeps['answer'] = (request) => {
    touch();
    rehearsal.touch();
    return dispatch(handlers, request, requests.took);
  };
  const deps: ServeDeps = { answer, common: commonHeaders, log, requests };
  for (const address of config.hosts) {
    const listener = life.use(await listen(deps, address, { group: config.group }));
    if (address.kind === 'tcp')
      log.warn('whoever reaches this address is root on this machine', { address: listener.address });
    log.info('API listen', { address: listener.address });
  }
  if (config.metricsAddress !== undefined) {
    const answerMetrics: ServeDeps['answer'] = (request) => {
      if (request.head.path !== '/metrics') throw new EngineError('not-found', 'page not found');
      return answer(request);
    };
    const listener = life.use(await listen({ ...deps, answer: answerMetrics }, config.metricsAddress, config));
    log.info('metrics API listening', { address: listener.address });
  }
  hangup.each(() => reload({ settings, readAgain, engine, log }));
  const sinceStartMs = Math.round(performance.now());
  log.info('daemon has completed initialization', { version: manifest.version, pid: process.pid, sinceStartMs });
  const signal = await stopped;
  log.info('daemon is shutting down; containers keep running', { signal });
  endAfter(settings.config.shutdownTimeoutSeconds, log);
}

/** Reads the configuration again. One that cannot be used is refused in a line of the log, and nothing changes. */
function reload({
  settings,
  readAgain,
  engine,
  log,
}: {
  settings: Settings;
  readAgain: Start['readAgain'];
  engine: Engine;
  log: Log;
}): void {
  log.info('Got signal to reload configuration');
  try {
    const { config, waiting } = reloadConfig(settings.config, readAgain());
    settings.config = config;
    const { id, hostname } = engine.info();
    engine.events.record('daemon', 'reload', id, reloadAttributes(config, hostname));
    log.info('Reloaded configuration', { config: JSON.stringify(config) });
    if (waiting.length > 0)
      log.warn('these options change when the daemon is started again', { options: waiting.join(' ') });
  } catch (error) {
    log.error('Error reloading configuration', { error: messageOf(error) });
  }
}

/** What hangs must not keep a daemon from ending: nothing of what exists depends on an orderly end. */
function endAfter(seconds: number, log: Log): void {
  if (seconds < 0) return;
  setTimeout(() => {
    log.warn('the daemon ends with work undone: the shutdown timeout is over', { seconds });
    process.exit(1);
  }, seconds * 1000).unref();
}

const commonHeaders = {
  'Api-Version': maxApiVersion,
  'Docker-Experimental': 'false',
  Ostype: 'linux',
  Server: `Gantry/${manifest.version} (linux)`,
};

/** What can be reloaded is read anew each time somebody asks for it. */
function engineOptions(settings: Settings, log: Log): Parameters<typeof openEngine>[0] {
  const { dataRoot, execRoot, bridge, bip } = settings.config;
  return {
    dataRoot,
    execRoot,
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    bridge,
    bip,
    registries: {
      get insecure() {
        return settings.config.insecureRegistries;
      },
      get mirrors() {
        return settings.config.registryMirrors;
      },
      get configDirs() {
        return settings.config.registryConfigDirs;
      },
      proxies: proxiesOf(process.env),
    },
    defaults: {
      get logConfig() {
        return settings.config.logConfig;
      },
      get ulimits() {
        return settings.config.ulimits;
      },
      get dns() {
        return settings.config.dns;
      },
      get dnsOptions() {
        return settings.config.dnsOptions;
      },
      get dnsSearch() {
        return settings.config.dnsSearch;
      },
      get shmSizeBytes() {
        return settings.config.shmSizeBytes;
      },
      get init() {
        return settings.config.init;
      },
    },
    report: (what, error) => log.error(what, error === undefined ? {} : { error: messageOf(error) }),
  };
}

function daemonFacts(settings: Settings): () => DaemonFacts {
  return () => {
    const { debug, labels, logConfig, registryMirrors, insecureRegistries } = settings.config;
    const program = { version: manifest.version, gitCommit: '', buildTime: '' };
    return { ...program, debug, labels, logDriver: logConfig.type, registryMirrors, insecureRegistries };
  };
}
